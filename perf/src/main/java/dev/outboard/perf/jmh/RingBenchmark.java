package dev.outboard.perf.jmh;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Strategy;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.RingFormat;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The driver's side of a virtqueue: 32 chains added and published together, then taken back. The
 * device of this benchmark only copies heads into the used ring, on the same thread, and that is
 * measured with it.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class RingBenchmark {
    private static final int ENTRIES = 256;
    private static final int BATCH = 32;
    private static final int FRAME_BYTES = 1500;
    private static final long USED =
            PackedRingDescriptor.FLAG_AVAILABLE | PackedRingDescriptor.FLAG_USED;

    /** Which ring, and whether the device promised order. */
    @Param({"split", "split in-order", "packed", "packed in-order"})
    public String kind;

    private MappedMemory mapped;
    private DriverQueue queue;
    private MemorySegment descriptors;
    private MemorySegment available;
    private MemorySegment used;
    private boolean isPacked;
    private int index;

    /** Makes the queue. */
    @Setup
    public void open() {
        mapped = new MappedMemory(Strategy.OFF, 1 << 20, DomainOptions.DEFAULT);
        isPacked = kind.startsWith("packed");
        var format = new RingFormat(isPacked, kind.endsWith("in-order"), true, false);
        queue = DriverQueue.open("bench0", mapped.dma(), ENTRIES, format, 1);
        QueueAddresses addresses = queue.addresses();
        descriptors =
                mapped.at(
                        addresses.descriptorIova(),
                        VirtqueueDescriptor.descriptorTableBytes(ENTRIES));
        if (!isPacked) {
            available =
                    mapped.at(
                            addresses.availableIova(),
                            VirtqueueDescriptor.availableRingBytes(ENTRIES));
            used = mapped.at(addresses.usedIova(), VirtqueueDescriptor.usedRingBytes(ENTRIES));
        }
    }

    /** Gives everything back. */
    @TearDown
    public void close() {
        queue.close();
        mapped.close();
    }

    /** One chain of 32: added, published, finished by the device, taken back. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public int addAndTake() {
        for (int i = 0; i < BATCH; i++) {
            queue.add((long) i * FRAME_BYTES, FRAME_BYTES, false, i);
        }
        queue.publish();
        if (isPacked) {
            finishPacked();
        } else {
            finishSplit();
        }
        int sum = 0;
        for (int left = queue.completed(); left > 0; left--) {
            sum += queue.take();
        }
        return sum;
    }

    /** The number stays as the driver wrote it: it is the chain's own. */
    private void finishPacked() {
        for (int i = 0; i < BATCH; i++, index++) {
            long at =
                    (index & (ENTRIES - 1)) * (long) PackedRingDescriptor.DESCRIPTOR_BYTES
                            + PackedRingDescriptor.WORD_OFFSET;
            long word = descriptors.get(VirtqueueDescriptor.U64, at);
            long number = word >>> PackedRingDescriptor.ID_SHIFT & 0xffff;
            long flags = (index / ENTRIES & 1) == 0 ? USED : 0;
            // Release: as a device does, which wrote what the flags tell of.
            PackedRingDescriptor.WORD.setRelease(
                    descriptors,
                    at,
                    number << PackedRingDescriptor.ID_SHIFT
                            | flags << PackedRingDescriptor.FLAGS_SHIFT);
        }
    }

    private void finishSplit() {
        for (int i = 0; i < BATCH; i++, index++) {
            int slot = index & (ENTRIES - 1);
            int head =
                    available.get(
                            VirtqueueDescriptor.U16,
                            VirtqueueDescriptor.RING_ELEMENTS_OFFSET
                                    + (long) slot * VirtqueueDescriptor.AVAILABLE_ELEMENT_BYTES);
            long at =
                    VirtqueueDescriptor.RING_ELEMENTS_OFFSET
                            + (long) slot * VirtqueueDescriptor.USED_ELEMENT_BYTES;
            used.set(VirtqueueDescriptor.U32, at, head);
            used.set(VirtqueueDescriptor.U32, at + Integer.BYTES, 0);
        }
        // Release: the elements before the index, as a device does.
        VirtqueueDescriptor.SHORT.setRelease(
                used, (long) VirtqueueDescriptor.RING_INDEX_OFFSET, (short) index);
    }
}
