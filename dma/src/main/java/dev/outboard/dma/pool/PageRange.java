package dev.outboard.dma.pool;

/** Bytes of physical memory. */
record PageRange(long physicalAddress, long lengthBytes) {}
