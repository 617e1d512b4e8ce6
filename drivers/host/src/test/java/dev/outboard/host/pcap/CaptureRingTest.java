package dev.outboard.host.pcap;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.ReceivedFrame;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CaptureRingTest {
    private static final int RING_BYTES = 1 << 12;
    private static final int FRAME_BYTES = 1_514;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final PhysicalMemory physical = PhysicalMemory.create(1 << 20);
    private final Dma dma = Dma.off(physical);

    @AfterEach
    void close() {
        dma.close();
        physical.close();
    }

    private CaptureRing ring(int snapBytes) {
        return new CaptureRing(Arena.ofAuto(), new MemoryLookup(physical), RING_BYTES, snapBytes);
    }

    private static ByteBuffer buffer() {
        return ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void shouldShowAFrameOfPartsAsItWasAndCutItWhereItIsTold() {
        var memory = dma.allocate(8192);
        for (int i = 0; i < 200; i++) {
            memory.memory().set(ValueLayout.JAVA_BYTE, i, (byte) i);
        }
        var ring = ring(100);
        long at = memory.physicalAddress();
        // 12 bytes of the device's, 8 of the frame; then 92, and 40 that are cut.
        ring.sent(new long[] {0, at, at + 20, at + 112}, new int[] {0, 20, 92, 40}, 1, 3, 12);
        assertThat(ring.hasNext()).isTrue();
        var record = buffer();
        long epoch = 5_000_000_007L - ring.nextNanos();
        assertThat(ring.take(record, epoch)).isTrue();
        assertThat(ring.hasNext()).isFalse();
        record.flip();
        assertThat(record.getInt()).isEqualTo(5);
        assertThat(record.getInt()).isEqualTo(7);
        assertThat(record.getInt()).as("kept").isEqualTo(100);
        assertThat(record.getInt()).as("of").isEqualTo(140);
        for (int i = 0; i < 100; i++) {
            assertThat(record.get() & 0xff).isEqualTo(12 + i);
        }
        assertThat(record.hasRemaining()).isFalse();
        memory.close();
    }

    @Test
    void shouldDropAndCountWhatFindsNoRoomAndNeverSpoilWhatIsThere() {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        var memory = dma.allocate(4096);
        var ring = ring(FRAME_BYTES);
        var lengths = new java.util.ArrayDeque<Integer>();
        var record = buffer();
        long dropped = 0;
        for (int turn = 0; turn < 100_000; turn++) {
            if (random.nextBoolean()) {
                int length = 14 + random.nextInt(FRAME_BYTES - 13);
                memory.memory().set(ValueLayout.JAVA_BYTE, 0, (byte) length);
                memory.memory().set(ValueLayout.JAVA_BYTE, length - 1L, (byte) ~length);
                ring.sent(new long[] {memory.physicalAddress()}, new int[] {length}, 0, 1, 0);
                if (ring.dropped() == dropped) {
                    lengths.add(length);
                }
                dropped = ring.dropped();
            } else {
                assertThat(ring.hasNext()).as("seed=%d", seed).isEqualTo(!lengths.isEmpty());
                if (!lengths.isEmpty()) {
                    int length = lengths.remove();
                    record.clear();
                    assertThat(ring.take(record, 0)).isTrue();
                    assertThat(record.getInt(8)).as("seed=%d", seed).isEqualTo(length);
                    assertThat(record.getInt(12)).isEqualTo(length);
                    assertThat(record.get(16)).isEqualTo((byte) length);
                    assertThat(record.get(15 + length)).isEqualTo((byte) ~length);
                }
            }
        }
        assertThat(dropped).isPositive();
        memory.close();
    }

    /** Whoever reads meanwhile would read a frame that is not all there. */
    @Test
    void shouldShowNothingOfAFrameThatIsBeingWritten() {
        var ring = ring(64);
        var seen = new ArrayList<Boolean>();
        ring.received(
                new ReceivedFrame() {
                    @Override
                    public int lengthBytes() {
                        return 60;
                    }

                    @Override
                    public int parts() {
                        return 1;
                    }

                    @Override
                    public MemorySegment memory(int part) {
                        seen.add(ring.hasNext());
                        return MemorySegment.ofArray(new byte[60]);
                    }

                    @Override
                    public long offset(int part) {
                        return 0;
                    }

                    @Override
                    public int lengthBytes(int part) {
                        return 60;
                    }

                    @Override
                    public int facts() {
                        return FrameFacts.NONE;
                    }

                    @Override
                    public long offload() {
                        return FrameOffload.NONE;
                    }
                });
        assertThat(seen).containsOnly(false).isNotEmpty();
        assertThat(ring.hasNext()).isTrue();
    }

    @Test
    void shouldShowZeroesForMemoryThatIsNotThere() {
        var ring = ring(64);
        ring.sent(new long[] {1}, new int[] {64}, 0, 1, 0);
        var record = buffer();
        assertThat(ring.hasNext()).isTrue();
        assertThat(ring.take(record, 0)).isTrue();
        assertThat(record.getLong(16)).isZero();
    }

    @Test
    void shouldLeaveARecordThatDoesNotFit() {
        var memory = dma.allocate(4096);
        var ring = ring(64);
        ring.sent(new long[] {memory.physicalAddress()}, new int[] {64}, 0, 1, 0);
        assertThat(ring.hasNext()).isTrue();
        assertThat(ring.take(ByteBuffer.allocate(79), 0)).isFalse();
        assertThat(ring.take(ByteBuffer.allocate(80), 0)).isTrue();
        memory.close();
    }

    @Test
    void shouldNotAllocateInTheQueuesThread() {
        var memory = dma.allocate(4096);
        var ring = ring(64);
        var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        var physicals = new long[] {memory.physicalAddress()};
        var lengths = new int[] {64};
        long cost = Long.MAX_VALUE;
        long start = System.nanoTime();
        while (cost > 1_000 && System.nanoTime() - start < PATIENCE_NANOS) {
            long before = bean.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 100_000; i++) {
                ring.sent(physicals, lengths, 0, 1, 0);
            }
            cost = bean.getCurrentThreadAllocatedBytes() - before;
        }
        assertThat(cost).isLessThanOrEqualTo(1_000);
        memory.close();
    }
}
