package dev.outboard.dma.mediator;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.Map;

/**
 * What a mediator is made of.
 *
 * @param listen where clients connect
 * @param iommu where devices attach
 * @param memoryBytes physical memory for all clients together
 * @param quotas by the client's name; {@code *} for those that are not named
 * @param waiting how long to look for requests before sleeping
 */
public record MediatorOptions(
        Path listen, Path iommu, long memoryBytes, Map<String, Quotas> quotas, WaitPolicy waiting) {
    /** The name of those that are not named. */
    public static final String OTHERS = "*";

    /** Checks the values. */
    public MediatorOptions {
        if (memoryBytes < 1 || memoryBytes > PhysicalMemory.MAX_LENGTH_BYTES) {
            throw new IllegalArgumentException(
                    "memoryBytes=%d is not 1 to %d"
                            .formatted(memoryBytes, PhysicalMemory.MAX_LENGTH_BYTES));
        }
        if (listen.equals(iommu)) {
            throw new IllegalArgumentException(
                    "clients and devices cannot come to one socket: " + listen);
        }
        quotas = Map.copyOf(quotas);
        for (String name : quotas.keySet()) {
            if (!name.equals(OTHERS)) {
                Names.require(name, "client");
            }
        }
    }

    /** As much memory as there is room for addresses, no quotas, the usual way to wait. */
    public static MediatorOptions at(Path listen, Path iommu) {
        return new MediatorOptions(
                listen, iommu, PhysicalMemory.MAX_LENGTH_BYTES, Map.of(), WaitPolicy.DEFAULT);
    }

    /** The same with other quotas. */
    public MediatorOptions withQuotas(Map<String, Quotas> others) {
        return new MediatorOptions(listen, iommu, memoryBytes, others, waiting);
    }

    /** The same with less or more memory. */
    public MediatorOptions withMemoryBytes(long bytes) {
        return new MediatorOptions(listen, iommu, bytes, quotas, waiting);
    }

    /** The same with another way to wait. */
    public MediatorOptions withWaiting(WaitPolicy policy) {
        return new MediatorOptions(listen, iommu, memoryBytes, quotas, policy);
    }

    Quotas quotasOf(String client) {
        Quotas named = quotas.get(client);
        return named != null ? named : quotas.getOrDefault(OTHERS, Quotas.UNLIMITED);
    }
}
