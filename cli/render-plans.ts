import { type BusPlan, extraRequests } from '../config/bus-plan.ts';
import { text } from './messages/plans.ts';
import { fitted, labelled } from './table.ts';

/** The buses of one site. */
export interface SitePlans {
  readonly file: string;
  readonly buses: readonly BusPlan[];
}

/** How busy the buses of the sites will be; nothing about lines of the machine itself, which carry no requests. */
export function renderPlans(sites: readonly SitePlans[], { columns }: { readonly columns: number }): string {
  const lines: string[] = [];
  for (const { file, buses } of sites) {
    const asked = buses.filter(({ type, requestCount }) => type !== 'gpio' && type !== 'gateway' && requestCount > 0);
    if (asked.length > 0 && sites.length > 1) lines.push(`${file}`);
    for (const plan of asked) {
      lines.push(fitted(text.bus(plan), columns));
      const labelWidth = 4 + Math.max(...plan.devices.map(({ device }) => device.length));
      const blocks = plan.devices.map((device): [string, string[]] => {
        const extra = extraRequests(device);
        return [`  ${device.device}`, [text.device(device), ...(extra.length === 0 ? [] : [text.extra(extra)])]];
      });
      lines.push(labelled(blocks, { columns, labelWidth }));
    }
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
