import type { SiteDocument } from './include.ts';
import type { ParameterValue } from './parameters.ts';
import type { BoardFile } from './schema-board.ts';
import type { BusEntry, DeviceEntry, GatewayFile } from './schema-gateway.ts';
import type { YamlDocument } from './yaml-document.ts';
import { nodeAt, type Path } from './yaml-tree.ts';

/** A site file that fits its schema, while the rest of it is checked. */
export interface Site {
  readonly document: SiteDocument;
  readonly file: GatewayFile;
  /** Adds a problem of the site file; the parameters are those of YamlDocument.problem. */
  report(...problem: Parameters<YamlDocument['problem']>): void;
}

/** Where a device is plugged in: a bus, a GPIO line, a port of another device, or the gateway itself. */
export type Via =
  | { readonly kind: 'bus'; readonly bus: string; readonly entry: BusEntry }
  | { readonly kind: 'line'; readonly line: number }
  | { readonly kind: 'gateway' }
  | { readonly kind: 'port'; readonly device: string; readonly port: string };

/** A device whose board is known. What is wrong with it has been reported; `via` and `parameters` are then undefined. */
export interface Plugged {
  readonly id: string;
  readonly entry: DeviceEntry;
  readonly board: BoardFile;
  readonly via: Via | undefined;
  readonly parameters: Readonly<Record<string, ParameterValue>> | undefined;
}

/** Whether anything is written at `path`, right or wrong: what the schema refused is not missing. */
export function isWritten(site: Site, path: Path): boolean {
  return nodeAt(site.document.root, path) !== undefined;
}
