package dev.outboard.testkit;

import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.RingFormat;
import java.util.List;

/** A driver's queue of any format and an honest device on it. */
final class TestRing implements AutoCloseable {
    private final PhysicalMemory physical = PhysicalMemory.create(4 << 20);
    private final Dma dma = Dma.off(physical);
    private final DriverQueue queue;
    private final RingPeer split;
    private final PackedPeer packed;

    TestRing(int entries, RingFormat format, int maximumParts) {
        queue = DriverQueue.open("test", dma, entries, format, maximumParts);
        var segment = physical.segments().getFirst();
        long base = segment.physicalAddress();
        split = format.packed() ? null : new RingPeer(segment.memory(), base, queue.addresses());
        packed = format.packed() ? new PackedPeer(segment.memory(), base, queue.addresses()) : null;
    }

    /** What the device took: of one kind or the other. */
    record Taken(RingPeer.Chain split, PackedPeer.Chain packed) {
        List<RingPeer.Part> parts() {
            return split != null ? split.parts() : packed.parts();
        }

        int writableBytes() {
            return parts().stream()
                    .filter(RingPeer.Part::writable)
                    .mapToInt(RingPeer.Part::lengthBytes)
                    .sum();
        }
    }

    DriverQueue queue() {
        return queue;
    }

    RingPeer split() {
        return split;
    }

    PackedPeer packed() {
        return packed;
    }

    boolean hasNext() {
        return packed != null ? packed.hasNext() : split.waiting() > 0;
    }

    Taken next() {
        return packed != null ? new Taken(null, packed.next()) : new Taken(split.next(), null);
    }

    void complete(Taken chain, int writtenBytes) {
        if (packed != null) {
            packed.complete(chain.packed(), writtenBytes);
        } else {
            split.complete(chain.split().head(), writtenBytes);
        }
    }

    void completeTogether(List<Taken> chains, int lastWrittenBytes) {
        if (packed != null) {
            packed.completeTogether(chains.stream().map(Taken::packed).toList(), lastWrittenBytes);
        } else {
            split.completeTogether(chains.stream().map(Taken::split).toList(), lastWrittenBytes);
        }
    }

    @Override
    public void close() {
        queue.close();
        dma.close();
        physical.close();
    }
}
