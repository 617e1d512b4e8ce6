package dev.outboard.backend;

/**
 * Where the parts of a ring are, as bus addresses.
 *
 * @param descriptors the descriptor table
 * @param available the driver's ring
 * @param used the device's ring
 */
public record RingAddresses(long descriptors, long available, long used) {}
