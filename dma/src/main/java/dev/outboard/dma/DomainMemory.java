package dev.outboard.dma;

import java.util.ArrayList;
import java.util.List;

/**
 * What the devices of a domain can be allowed to reach: the segments of the driver's memory, which
 * come and go, and those of others that were added. Owned by the domain; any thread.
 */
final class DomainMemory {
    private final String domain;
    private final List<PhysicalSegment> segments;

    /**
     * @param segments that it begins with
     */
    DomainMemory(String domain, List<PhysicalSegment> segments) {
        this.domain = domain;
        this.segments = new ArrayList<>(segments);
    }

    synchronized List<PhysicalSegment> segments() {
        return List.copyOf(segments);
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
            segments.add(segment);
        } else if (!segments.remove(segment)) {
            throw new IllegalArgumentException(
                    "memory at 0x%x is not in domain=%s"
                            .formatted(segment.physicalAddress(), domain));
        }
    }

    private void requireRoom(PhysicalSegment segment) {
        if (segments.size() >= AttachProtocol.MAX_SEGMENTS) {
            throw new IllegalStateException(
                    "domain=%s has %d segments of memory: remove one"
                            .formatted(domain, segments.size()));
        }
        long start = segment.physicalAddress();
        for (PhysicalSegment other : segments) {
            if (start < other.physicalAddress() + other.lengthBytes()
                    && other.physicalAddress() < start + segment.lengthBytes()) {
                throw new IllegalArgumentException(
                        "memory at 0x%x overlaps memory at 0x%x of domain=%s"
                                .formatted(start, other.physicalAddress(), domain));
            }
        }
    }
}
