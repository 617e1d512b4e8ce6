package dev.outboard.driver;

/**
 * Where a queue is, in the device's own address space: IOVAs, always.
 *
 * @param entries how many entries the rings have
 * @param descriptorIova where descriptors are
 * @param availableIova where the driver's ring is
 * @param usedIova where the device's ring is
 */
public record QueueAddresses(int entries, long descriptorIova, long availableIova, long usedIova) {}
