package dev.outboard.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.testkit.RingPeer;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Frames that are posted, gathered, kept and in several parts: nothing is allocated. */
class FramesAllocationTest {
    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.NET_CSUM
                    | VirtioFeatures.NET_HOST_TSO4
                    | VirtioFeatures.NET_GUEST_CSUM
                    | VirtioFeatures.NET_GUEST_TSO4
                    | VirtioFeatures.NET_MRG_RXBUF;
    private static final int ROUNDS = 5_000;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** Less than an object for every hundred rounds. */
    private static final long LITTLE_BYTES = 500;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final int[] kept = new int[4];
    private int keptCount;
    private final ReceivedFrameHandler keeper =
            frame -> {
                frame.keep();
                for (int part = 0; part < frame.parts(); part++) {
                    kept[keptCount++] = frame.token(part);
                }
            };
    private final ReceivedFrameHandler reader = frame -> keptCount += (int) frame.offload();
    private long bytes;

    private void count(Runnable calls) {
        long before = threads.getCurrentThreadAllocatedBytes();
        calls.run();
        bytes += threads.getCurrentThreadAllocatedBytes() - before;
    }

    @Test
    void shouldAllocateNothing() {
        try (var device = new FakeDevice(FEATURES, null, 2)) {
            device.clientTakes(FrameOffload.UNSUMMED | FrameOffload.MERGED_IPV4);
            try (var net = (NetworkService) new VirtioNetDriver().start(device);
                    var memory = device.dma().allocate(64 * 4096)) {
                var out = net.transmitQueue(0);
                out.onSent(token -> keptCount += 0);
                var list = new ScatterGatherList(4);
                list.add(memory.physicalAddress(), 100);
                list.add(memory.physicalAddress() + 8192, 4000);
                list.add(memory.physicalAddress() + 16384, 4000);
                long offload = FrameOffload.segments(34, 54, 1448, false);
                // Made once: what is counted is the queues, not the test.
                Runnable sends =
                        () -> {
                            out.post(memory.physicalAddress(), 60, FrameOffload.NONE, 1);
                            out.post(list, offload, 2);
                            out.transmit(out.claim(), 54, list, offload);
                            out.flush();
                        };
                Runnable ends = out::pending;
                var in = net.receiveQueue(0);
                Runnable keeps =
                        () -> {
                            in.pollFrames(keeper, 8);
                            for (int part = 0; part < keptCount; part++) {
                                in.release(kept[part]);
                            }
                            keptCount = 0;
                        };
                Runnable reads =
                        () -> {
                            in.pollFrames(reader, 8);
                            keptCount = 0;
                        };
                long start = System.nanoTime();
                do {
                    bytes = 0;
                    for (int round = 0; round < ROUNDS; round++) {
                        count(sends);
                        finish(device.ring(1));
                        count(ends);
                        deliver(device);
                        count(round % 2 == 0 ? keeps : reads);
                    }
                    // Code that is not compiled yet may allocate: the compiler gets its time.
                } while (bytes > LITTLE_BYTES && System.nanoTime() - start < PATIENCE_NANOS);
                assertThat(bytes).as("for %d rounds", ROUNDS).isLessThanOrEqualTo(LITTLE_BYTES);
                assertThat(out.frames() % (3 * ROUNDS)).isZero();
                assertThat(in.frames() % ROUNDS).isZero();
            }
        }
    }

    private static void finish(RingPeer ring) {
        while (ring.waiting() > 0) {
            ring.complete(ring.next().head(), 0);
        }
    }

    /** A frame in three buffers whose sum is to be made. */
    private static void deliver(FakeDevice device) {
        var ring = device.ring(0);
        for (int part = 0; part < 3; part++) {
            var chain = ring.next();
            var header = device.memory(chain.parts().getFirst().iova(), NetDescriptor.HEADER_BYTES);
            header.fill((byte) 0);
            header.set(ValueLayout.JAVA_BYTE, 0, (byte) NetDescriptor.FLAG_NEEDS_CSUM);
            header.set(ValueLayout.JAVA_BYTE, 6, (byte) 34);
            header.set(ValueLayout.JAVA_BYTE, 8, (byte) 16);
            header.set(ValueLayout.JAVA_BYTE, 10, (byte) 3);
            ring.complete(chain.head(), 1000);
        }
    }
}
