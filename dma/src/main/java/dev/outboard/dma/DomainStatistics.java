package dev.outboard.dma;

import dev.outboard.iommu.DeviceCounters;

/**
 * What the devices of a domain have counted.
 *
 * @param attachedDevices devices attached now
 * @param counters sums over these and those that have gone; the devices' own words
 * @param faultsDelivered faults taken from the devices
 * @param faultsGarbled entries of fault rings that made no sense
 */
public record DomainStatistics(
        int attachedDevices, DeviceCounters counters, long faultsDelivered, long faultsGarbled) {}
