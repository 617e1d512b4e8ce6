package dev.outboard.dma;

import java.util.ArrayList;
import java.util.List;

/**
 * What the devices of a domain can be allowed to reach: the segments of the driver's memory, which
 * come and go, and those of others that were added. Owned by the domain; any thread.
 */
final class DomainMemory {
    private final String domain;
    private final List<PhysicalSegment> own;
    private final List<PhysicalSegment> added = new ArrayList<>();

    /**
     * @param own segments of the driver's memory, to begin with
     */
    DomainMemory(String domain, List<PhysicalSegment> own) {
        this.domain = domain;
        this.own = new ArrayList<>(own);
    }

    synchronized List<PhysicalSegment> segments() {
        List<PhysicalSegment> all = new ArrayList<>(own);
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
        List<PhysicalSegment> changed = change.isOwn() ? own : added;
        if (change.adds()) {
            requireRoom(segment);
            changed.add(segment);
        } else if (!changed.remove(segment)) {
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
