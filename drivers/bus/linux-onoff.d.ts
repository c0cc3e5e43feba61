/**
 * What is used of the package onoff. Written down here because the package is optional and brings its own types: where it
 * could not be built, Barri must still compile.
 */
declare module 'onoff' {
  /** A line of sysfs; see NativeOutput and OpenNativeOutput in linux-gpio.ts. */
  export class Gpio {
    constructor(number: number, direction: 'high' | 'low');
    read(): Promise<0 | 1>;
    write(value: 0 | 1): Promise<void>;
  }
}
