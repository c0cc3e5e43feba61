import { asks, fact, given } from './catalog-world.ts';
import type { Exchange, Fact } from './fact.ts';
import { get, post, put } from './requests.ts';

const DATA = put('/data/rec/temp', '{"observations":[{"value":"1"}]}');
const UNKNOWN =
  '{"code":404,"message":"Events associated with resources [temp] have been rejected. See the error details to know about what went wrong in each case","errorDetails":["Sensor [temp] not found on Sentilo (404.1)."]}';

/** While the city's registry is lost. */
function lost(exchange: Exchange): Exchange {
  return { ...exchange, fault: { kind: 'forget-sensors' } };
}

/** What the catalogue can do about a registry that was lost (sentilo.md §1.5.10). */
export const LOST_REGISTRY: readonly Fact[] = [
  fact(
    '1.5.10',
    'the catalogue does not notice that the registry is lost: it lists the sensor as before, and it stays unknown',
    lost(asks(DATA, 404, UNKNOWN)),
    lost(asks(get('/catalog/rec?component=hall'), 200, /"sensor":"temp".*"updatedAt":1347888885123,/, 40_000)),
    lost(asks(DATA, 404, UNKNOWN)),
  ),
  fact(
    '1.5.10',
    'registering a sensor of a lost registry again is 400',
    lost(asks(DATA, 404, UNKNOWN)),
    lost(
      asks(
        post('/catalog/rec', '{"sensors":[{"sensor":"temp","type":"temperature"}]}'),
        400,
        '{"code":400,"message":"Bad request data. Sensors have not been inserted. Please review the following errors","errorDetails":["Sensor temp : sensor with the same id already exists."]}',
      ),
    ),
  ),
  fact(
    '1.5.10',
    'a PUT of the bare id brings a sensor back at the next synchronisation',
    lost(asks(DATA, 404, UNKNOWN)),
    lost(asks(put('/catalog/rec', '{"sensors":[{"sensor":"temp"}]}'), 200, '')),
    lost(asks(DATA, 404, UNKNOWN, 29_999)),
    lost(asks(DATA, 200, '', 1)),
  ),
  fact(
    '1.5.10',
    'a PUT of its component does not bring a sensor back',
    lost(asks(DATA, 404, UNKNOWN)),
    lost(asks(put('/catalog/rec', '{"components":[{"component":"hall","location":"41.3851 2.1734"}]}'), 200, '')),
    lost(asks(DATA, 404, UNKNOWN, 60_000)),
  ),
  fact(
    '1.5.10',
    'deleting and registering brings a sensor back as well',
    lost(asks(DATA, 404, UNKNOWN)),
    lost(given(put('/catalog/rec?method=delete', '{"sensors":["temp"]}'))),
    lost(given(post('/catalog/rec', '{"sensors":[{"sensor":"temp","type":"temperature"}]}'))),
    lost(asks(DATA, 200, '', 30_000)),
  ),
];
