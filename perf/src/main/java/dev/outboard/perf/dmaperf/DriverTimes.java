package dev.outboard.perf.dmaperf;

/**
 * How long the driver process takes for what.
 *
 * @param firstNanos for the compiler, once
 * @param warmUpNanos before each point
 * @param pointNanos measured for each point
 * @param isDeviceBusy whether the device is in and out of DMA sections all the time
 */
record DriverTimes(long firstNanos, long warmUpNanos, long pointNanos, boolean isDeviceBusy) {}
