package dev.outboard.perf.attack;

import dev.outboard.dma.DmaDirection;

/**
 * A mapping that the driver made.
 *
 * @param page first page of the pool
 * @param pages how many
 * @param iova where
 * @param writer the only writer of its first page by {@link Pool#onlyWriter}, if the device said
 *     that it had tried it; else -1
 */
record MappedRun(
        int page, int pages, int lengthBytes, long iova, DmaDirection direction, long writer) {}
