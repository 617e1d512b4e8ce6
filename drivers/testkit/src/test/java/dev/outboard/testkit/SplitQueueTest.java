package dev.outboard.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.RingFormat;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SplitQueueTest {
    private static final int ENTRIES = 16;

    private PhysicalMemory physical;
    private Dma dma;
    private DriverQueue queue;
    private RingPeer device;

    @BeforeEach
    void open() {
        physical = PhysicalMemory.create(4 << 20);
        dma = Dma.off(physical);
    }

    @AfterEach
    void close() {
        if (queue != null) {
            queue.close();
        }
        dma.close();
        physical.close();
    }

    private void queue(boolean eventIndex, int maximumParts, boolean indirect) {
        open(new RingFormat(false, false, eventIndex, indirect), maximumParts);
    }

    private void open(RingFormat format, int maximumParts) {
        queue = DriverQueue.open("test", dma, ENTRIES, format, maximumParts);
        var segment = physical.segments().getFirst();
        device = new RingPeer(segment.memory(), segment.physicalAddress(), queue.addresses());
    }

    @Test
    void shouldShowAChainToTheDeviceOnlyWhenPublished() {
        queue(true, 1, false);
        queue.add(0x1000, 64, false, 7);
        assertThat(device.waiting()).isZero();

        queue.publish();

        assertThat(device.waiting()).isEqualTo(1);
        assertThat(device.next().parts()).containsExactly(new RingPeer.Part(0x1000, 64, false));
    }

    @Test
    void shouldGiveBackTheTokenAndTheLengthThatTheDeviceWrote() {
        queue(true, 1, false);
        queue.add(0x1000, 100, true, 42);
        queue.publish();
        device.complete(device.next().head(), 60);

        assertThat(queue.completed()).isEqualTo(1);
        assertThat(queue.take()).isEqualTo(42);
        assertThat(queue.takenLength()).isEqualTo(60);
        assertThat(queue.completed()).isZero();
        assertThat(queue.free()).isEqualTo(ENTRIES);
    }

    @Test
    void shouldRefuseAChainWithoutRoom() {
        queue(true, 1, false);
        for (int i = 0; i < ENTRIES; i++) {
            queue.add(0x1000, 1, false, i);
        }
        assertThat(queue.hasRoom(1)).isFalse();
        assertThatThrownBy(() -> queue.add(0x1000, 1, false, 99))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("full");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 65536, -16})
    void shouldRefuseARingThatIsNoPowerOfTwo(int entries) {
        assertThatThrownBy(
                        () ->
                                DriverQueue.open(
                                        "test",
                                        dma,
                                        entries,
                                        new RingFormat(false, false, true, false),
                                        1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("entries=" + entries);
    }

    @ParameterizedTest
    @CsvSource({"true,true", "true,false", "false,true", "false,false"})
    void shouldKeepEveryChainWholeUnderRandomUse(boolean eventIndex, boolean indirect) {
        long seed = System.nanoTime();
        var random = new Random(seed);
        queue(eventIndex, 5, indirect);
        var model = new HashMap<Integer, List<RingPeer.Part>>();
        var withDevice = new ArrayList<RingPeer.Chain>();
        int nextToken = 0;
        for (int step = 0; step < 200_000; step++) {
            switch (random.nextInt(4)) {
                case 0 -> nextToken = addRandomChain(random, model, nextToken);
                case 1 -> {
                    queue.publish();
                    while (device.waiting() > 0) {
                        withDevice.add(device.next());
                    }
                }
                case 2 -> {
                    if (!withDevice.isEmpty()) {
                        var chain = withDevice.remove(random.nextInt(withDevice.size()));
                        device.complete(chain.head(), writable(chain.parts()));
                        assertThat(model.containsValue(chain.parts()))
                                .as("seed=%d step=%d", seed, step)
                                .isTrue();
                    }
                }
                default -> takeAll(model, seed, step);
            }
            assertThat(queue.outstanding())
                    .as("seed=%d step=%d", seed, step)
                    .isEqualTo(model.size());
        }
    }

    private int addRandomChain(Random random, Map<Integer, List<RingPeer.Part>> model, int token) {
        int count = 1 + random.nextInt(5);
        if (!queue.hasRoom(count)) {
            return token;
        }
        int readable = random.nextInt(count + 1);
        var parts = new ArrayList<RingPeer.Part>();
        for (int i = 0; i < count; i++) {
            var part = new RingPeer.Part(random.nextLong(), random.nextInt(4096), i >= readable);
            queue.part(part.iova(), part.lengthBytes(), part.writable());
            parts.add(part);
        }
        queue.add(token);
        model.put(token, parts);
        return token + 1;
    }

    private void takeAll(Map<Integer, List<RingPeer.Part>> model, long seed, int step) {
        for (int i = queue.completed(); i > 0; i--) {
            int token = queue.take();
            var parts = model.remove(token);
            assertThat(parts).as("seed=%d step=%d token=%d", seed, step, token).isNotNull();
            assertThat(queue.takenLength()).isEqualTo(writable(parts));
        }
    }

    private static int writable(List<RingPeer.Part> parts) {
        return parts.stream()
                .filter(RingPeer.Part::writable)
                .mapToInt(RingPeer.Part::lengthBytes)
                .sum();
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 17, 0x8000, 0xffff})
    void shouldRejectAUsedIndexThatJumps(int index) {
        queue(true, 1, false);
        queue.add(0x1000, 64, false, 0);
        queue.publish();
        device.setUsedIndex(index);

        assertThatThrownBy(queue::completed)
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("used index")
                .hasMessageContaining("test");
    }

    @Test
    void shouldRejectAUsedIndexThatCoversChainsNotYetPublished() {
        queue(true, 1, false);
        queue.add(0x1000, 64, false, 0);
        device.setUsedIndex(1);

        assertThatThrownBy(queue::completed).isInstanceOf(DeviceException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, -1, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void shouldRejectAChainThatIsNotInFlight(int head) {
        queue(true, 1, false);
        queue.add(0x1000, 64, false, 0);
        queue.publish();
        device.complete(head, 0);

        assertThat(queue.completed()).isEqualTo(1);
        assertThatThrownBy(queue::take)
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("not in flight");
    }

    @Test
    void shouldRejectAnElementThatCoversMoreThanIsFinished() {
        open(new RingFormat(false, true, true, false), 1);
        for (int i = 0; i < 3; i++) {
            queue.add(0x1000, 64, true, i);
        }
        queue.publish();
        device.next();
        device.next();
        device.complete(device.next().head(), 64);

        assertThat(queue.completed()).isEqualTo(1);
        assertThatThrownBy(queue::take)
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("3 chains in one element, with 1 finished");
    }

    @Test
    void shouldTellTheDeviceAnewOfABufferThatIsElsewhere() {
        queue(true, 1, false);
        for (int lap = 0; lap < 4; lap++) {
            for (int i = 0; i < ENTRIES; i++) {
                // Each second lap is as the one before, and each is shorter than the first two.
                queue.add(0x1000L * (i + 1 + lap / 2), 64 - lap / 2, true, i);
            }
            queue.publish();
            for (int i = 0; i < ENTRIES; i++) {
                var chain = device.next();
                assertThat(chain.parts())
                        .containsExactly(
                                new RingPeer.Part(0x1000L * (i + 1 + lap / 2), 64 - lap / 2, true));
                device.complete(chain.head(), 1);
            }
            assertThat(queue.completed()).isEqualTo(ENTRIES);
            for (int i = 0; i < ENTRIES; i++) {
                assertThat(queue.take()).isEqualTo(i);
            }
        }
    }

    @Test
    void shouldRejectAChainReturnedTwice() {
        queue(true, 1, false);
        queue.add(0x1000, 64, false, 0);
        queue.add(0x2000, 64, false, 1);
        queue.publish();
        int head = device.next().head();
        device.complete(head, 0);
        device.complete(head, 0);

        queue.take();
        assertThatThrownBy(queue::take).isInstanceOf(DeviceException.class);
    }

    @ParameterizedTest
    @CsvSource({"true,65", "true,-1", "false,1"})
    void shouldRejectMoreWrittenThanThereWasRoom(boolean writable, int written) {
        queue(true, 1, false);
        queue.add(0x1000, 64, writable, 0);
        queue.publish();
        device.complete(device.next().head(), written);

        assertThatThrownBy(queue::take)
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("bytes written");
    }

    @Test
    void shouldNotLetTheDeviceRewriteTheFreeList() {
        queue(true, 3, false);
        queue.part(0x1000, 8, false);
        queue.part(0x2000, 8, false);
        queue.part(0x3000, 8, true);
        queue.add(1);
        queue.publish();
        int head = device.next().head();
        physical.segments().getFirst().memory().asSlice(0, ENTRIES * 16L).fill((byte) 0xff);
        device.complete(head, 8);

        assertThat(queue.take()).isEqualTo(1);
        assertThat(queue.free()).isEqualTo(ENTRIES);
    }

    @Test
    void shouldRingOnlyWhenTheDeviceAsksByEventIndex() {
        queue(true, 1, false);
        device.wantDoorbellAt(1);
        queue.add(0x1000, 1, false, 0);
        assertThat(queue.publish()).as("index 0 to 1 does not pass event 1").isFalse();
        queue.add(0x1000, 1, false, 1);
        assertThat(queue.publish()).as("index 1 to 2 passes event 1").isTrue();
        queue.add(0x1000, 1, false, 2);
        assertThat(queue.publish()).isFalse();
        assertThat(queue.publish()).as("nothing new").isFalse();
    }

    @Test
    void shouldRingUnlessTheDeviceForbidsItWithoutEventIndex() {
        queue(false, 1, false);
        queue.add(0x1000, 1, false, 0);
        assertThat(queue.publish()).isTrue();
        device.wantNoDoorbell();
        queue.add(0x1000, 1, false, 1);
        assertThat(queue.publish()).isFalse();
    }

    @Test
    void shouldAskForAnInterruptOnlyWhileUnmasked() {
        queue(true, 1, false);
        for (int i = 0; i < 4; i++) {
            queue.add(0x1000, 1, false, i);
        }
        queue.publish();
        assertThat(interruptWanted(1)).as("masked at first").isFalse();
        assertThat(queue.unmask()).isFalse();
        assertThat(interruptWanted(1)).isTrue();
        queue.mask();
        assertThat(interruptWanted(4)).isFalse();
    }

    /** Whether a device that completes so many chains at once has to interrupt. */
    private boolean interruptWanted(int chains) {
        int used = device.usedIndex();
        return VirtqueueDescriptor.passedEvent(device.usedEvent(), used + chains, used);
    }

    @Test
    void shouldWakeForABatchAndNeverForMoreThanIsOut() {
        queue(true, 1, false);
        queue.wakeAfter(3);
        for (int i = 0; i < 4; i++) {
            queue.add(0x1000, 1, false, i);
        }
        queue.publish();
        assertThat(queue.unmask()).isFalse();
        assertThat(interruptWanted(2)).isFalse();
        assertThat(interruptWanted(3)).isTrue();
        device.complete(device.next().head(), 0);
        assertThat(queue.isPending()).isFalse();
        queue.take();
        queue.wakeAfter(100);
        assertThat(queue.unmask()).isFalse();
        assertThat(interruptWanted(3)).as("only three are out").isTrue();
    }

    @Test
    void shouldSeeWorkThatCameBeforeTheUnmask() {
        queue(true, 1, false);
        queue.add(0x1000, 1, false, 0);
        queue.publish();
        device.complete(device.next().head(), 0);
        assertThat(queue.unmask()).isTrue();
    }

    @Test
    void shouldMaskByFlagWithoutEventIndex() {
        queue(false, 1, false);
        assertThat(device.availableFlags()).isEqualTo(1);
        queue.unmask();
        assertThat(device.availableFlags()).isZero();
        queue.mask();
        assertThat(device.availableFlags()).isEqualTo(1);
    }

    @Test
    void shouldNotAllocateOnTheDataPath() {
        queue(true, 3, true);
        var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        turn(20_000);
        long before = bean.getCurrentThreadAllocatedBytes();
        turn(20_000);
        assertThat(bean.getCurrentThreadAllocatedBytes() - before).isLessThan(1024);
    }

    /** Drives the ring with a device that returns heads in order, without reading the chains. */
    private void turn(int rounds) {
        for (int i = 0; i < rounds; i++) {
            queue.add(0x1000, 64, true, i);
            queue.publish();
            device.complete(i & ENTRIES - 1, 64);
            if (queue.completed() == 1) {
                queue.take();
            }
            queue.unmask();
            queue.mask();
        }
    }
}
