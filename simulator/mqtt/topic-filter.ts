/** Whether a topic falls under a filter, with `+` for one level and `#` for all that follow (MQTT 5.0, §4.7). */
export function isUnder(topic: string, filter: string): boolean {
  // What the broker says about itself is asked for by name (§4.7.2).
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const levels = topic.split('/');
  const parts = filter.split('/');
  for (const [index, part] of parts.entries()) {
    if (part === '#') return true;
    if (index >= levels.length || (part !== '+' && part !== levels[index])) return false;
  }
  return parts.length === levels.length;
}
