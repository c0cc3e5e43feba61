import { z } from 'zod';
import type { Driver } from '../drivers/driver.ts';
import { boardLimits, inFile, type ParameterValue, show, typeLimits } from './parameters.ts';
import type { ParameterEntry } from './schema-board.ts';

/** What a driver takes for one parameter, in the driver's own unit; empty where it takes anything of its type. */
interface DriverRange {
  readonly values: readonly ParameterValue[];
  readonly least?: number;
  readonly most?: number;
  /** It must be more than this. */
  readonly above?: number;
}

/** What may be written for a parameter, as a person writes it in a file. */
export interface ParameterRange {
  /** The only values there are; empty where there are others. */
  readonly choices: readonly string[];
  readonly least?: string;
  readonly most?: string;
  /** It must be more than this. */
  readonly above?: string;
}

/** The part of a JSON Schema that is looked at. */
interface JsonType {
  readonly type?: string;
  readonly enum?: readonly ParameterValue[];
  readonly const?: ParameterValue;
  readonly anyOf?: readonly JsonType[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

/** What may be written for a parameter: what its board, its type and its driver allow. */
export function rangeOf(name: string, parameter: ParameterEntry, driver: Driver | undefined): ParameterRange {
  const { type } = parameter;
  if (parameter.choices) return { choices: parameter.choices.map((choice) => show(type, choice)) };
  const own = driver && driverRange(driver, name);
  if (own && own.values.length > 0) return { choices: own.values.map((value) => inFile(type, value)) };
  const limits = typeLimits(type);
  const said = boardLimits(parameter);
  const least = highest(limits?.least, own?.least, said?.least);
  const most = lowest(limits?.most, own?.most, said?.most);
  return {
    choices: [],
    // No length of time is below zero in a file.
    ...(least === undefined || (type === 'duration' && least <= 0) ? {} : { least: inFile(type, least) }),
    ...(most === undefined ? {} : { most: inFile(type, most) }),
    ...(own?.above === undefined ? {} : { above: inFile(type, own.above) }),
  };
}

/** Whether a driver takes a parameter of this name. */
export function knowsParameter(driver: Driver, name: string): boolean {
  return propertyOf(driver, name) !== undefined || typeof schemaOf(driver).additionalProperties === 'object';
}

/** What the driver takes for it, as JavaScript names types; undefined where it takes values of several types. */
export function wantedType(driver: Driver, name: string): 'number' | 'boolean' | 'string' | undefined {
  const type = propertyOf(driver, name)?.type;
  if (type === 'integer' || type === 'number') return 'number';
  return type === 'boolean' || type === 'string' ? type : undefined;
}

/** How a board would declare a parameter that its driver asks for: `{ type: choice, default: up, choices: [up, down] }`. */
export function declarationFor(driver: Driver, name: string): string {
  const property = propertyOf(driver, name);
  const values = property === undefined ? [] : valuesOf(property);
  if (typeof values[0] === 'string') return `{ type: choice, default: ${values[0]}, choices: [${values.join(', ')}] }`;
  if (property?.type === 'boolean') return '{ type: boolean, default: true }';
  const type = property?.type === 'integer' || property?.type === 'number' ? property.type : 'text';
  return `{ type: ${type}, default: ${values[0] ?? '…'} }`;
}

function driverRange(driver: Driver, name: string): DriverRange | undefined {
  const property = propertyOf(driver, name);
  if (property === undefined) return undefined;
  const { minimum, maximum, exclusiveMinimum } = property;
  return {
    values: valuesOf(property),
    // A whole number has the limits of what a computer can count.
    ...(minimum === undefined || !isReal(minimum) ? {} : { least: minimum }),
    ...(maximum === undefined || !isReal(maximum) ? {} : { most: maximum }),
    ...(exclusiveMinimum === undefined || !isReal(exclusiveMinimum) ? {} : { above: exclusiveMinimum }),
  };
}

function propertyOf(driver: Driver, name: string): JsonType | undefined {
  const { properties = {} } = schemaOf(driver);
  return Object.hasOwn(properties, name) ? (properties[name] as JsonType) : undefined;
}

function schemaOf({ with: parameters }: Driver) {
  return z.toJSONSchema(parameters, { io: 'input', unrepresentable: 'any' });
}

function valuesOf({ enum: values, const: only, anyOf = [] }: JsonType): readonly ParameterValue[] {
  if (values) return values;
  return only === undefined ? anyOf.flatMap(valuesOf) : [only];
}

function isReal(limit: number): boolean {
  return Math.abs(limit) < Number.MAX_SAFE_INTEGER;
}

function highest(...limits: readonly (number | undefined)[]): number | undefined {
  const known = limits.filter((limit) => limit !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function lowest(...limits: readonly (number | undefined)[]): number | undefined {
  const known = limits.filter((limit) => limit !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
