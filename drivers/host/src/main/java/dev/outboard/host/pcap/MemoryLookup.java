package dev.outboard.host.pcap;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import java.lang.foreign.MemorySegment;

/**
 * Finds what is at a physical address. One thread; nothing allocates while the address is in the
 * segment that was found last, as nearly always.
 */
final class MemoryLookup {
    private final PhysicalMemory physical;
    private MemorySegment memory;
    private long first;
    private long lengthBytes;
    private long offset;

    MemoryLookup(PhysicalMemory physical) {
        this.physical = physical;
    }

    /** Whether it is there; then {@link #memory} and {@link #offset} are it. */
    boolean find(long physicalAddress, int bytes) {
        if (memory == null
                || !memory.scope().isAlive()
                || physicalAddress < first
                || physicalAddress + bytes > first + lengthBytes) {
            memory = null;
            for (PhysicalSegment segment : physical.segments()) {
                long from = segment.physicalAddress();
                if (physicalAddress >= from
                        && physicalAddress + bytes <= from + segment.lengthBytes()) {
                    memory = segment.memory();
                    first = from;
                    lengthBytes = segment.lengthBytes();
                }
            }
            if (memory == null) {
                return false;
            }
        }
        offset = physicalAddress - first;
        return true;
    }

    MemorySegment memory() {
        return memory;
    }

    long offset() {
        return offset;
    }
}
