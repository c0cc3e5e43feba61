import { expect, it } from 'vitest';
import { isUnder } from '../../../simulator/mqtt/topic-filter.ts';

// The examples of MQTT 5.0, §4.7.1 and §4.7.2.
it.each([
  ['sport/tennis/player1', 'sport/tennis/player1/#', true],
  ['sport/tennis/player1/ranking', 'sport/tennis/player1/#', true],
  ['sport/tennis/player1/score/wimbledon', 'sport/tennis/player1/#', true],
  ['sport', 'sport/#', true],
  ['sport/tennis/player1', '#', true],
  ['sport/tennis/player1', 'sport/tennis/+', true],
  ['sport/tennis/player1/ranking', 'sport/tennis/+', false],
  ['sport', 'sport/+', false],
  ['sport/', 'sport/+', true],
  ['sport/tennis', '+/tennis/#', true],
  ['sport/tennis/player1', 'sport/+/player1', true],
  ['/finance', '+/+', true],
  ['/finance', '/+', true],
  ['/finance', '+', false],
  ['$SYS/monitor/Clients', '#', false],
  ['$SYS/monitor/Clients', '+/monitor/Clients', false],
  ['$SYS/monitor/Clients', '$SYS/#', true],
  ['$SYS/monitor/Clients', '$SYS/monitor/+', true],
  ['ACCOUNTS', 'Accounts', false],
])('%s under %s: %s', (topic, filter, expected) => {
  expect(isUnder(topic, filter)).toBe(expected);
});
