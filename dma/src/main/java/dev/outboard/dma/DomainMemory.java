package dev.outboard.dma;

import java.util.ArrayList;
import java.util.List;

/**
 * What the devices of a domain can be allowed to reach: the driver's memory, and what was added
 * since. Owned by the domain; any thread.
 */
final class DomainMemory {
    private final String domain;
    private final PhysicalMemory memory;
    private final List<PhysicalSegment> added = new ArrayList<>();

    DomainMemory(String domain, PhysicalMemory memory) {
        this.domain = domain;
        this.memory = memory;
    }

    synchronized List<PhysicalSegment> segments() {
        List<PhysicalSegment> all = new ArrayList<>(memory.segments());
        all.addAll(added);
        return all;
    }

    /**
     * Adds or removes a segment.
     *
     * @throws IllegalArgumentException if what is added overlaps, or what is removed is not there
     * @throws IllegalStateException if there are too many
     */
    synchronized void apply(SegmentChange change) {
        PhysicalSegment segment = change.segment();
        if (change.adds()) {
            requireRoom(segment);
            added.add(segment);
        } else if (!added.remove(segment)) {
            throw new IllegalArgumentException(
                    "memory at 0x%x was not added to domain=%s"
                            .formatted(segment.physicalAddress(), domain));
        }
    }

    private void requireRoom(PhysicalSegment segment) {
        List<PhysicalSegment> all = segments();
        if (all.size() >= AttachProtocol.MAX_SEGMENTS) {
            throw new IllegalStateException(
                    "domain=%s has %d segments of memory: remove one"
                            .formatted(domain, all.size()));
        }
        long start = segment.physicalAddress();
        for (PhysicalSegment other : all) {
            if (start < other.physicalAddress() + other.lengthBytes()
                    && other.physicalAddress() < start + segment.lengthBytes()) {
                throw new IllegalArgumentException(
                        "memory at 0x%x overlaps memory at 0x%x of domain=%s"
                                .formatted(start, other.physicalAddress(), domain));
            }
        }
    }
}
