package dev.outboard.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.testkit.RingPeer;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames out of the client's own memory, and frames that the device has work with. */
class PostedFramesTest {
    private static final long OFFERED =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.NET_CSUM
                    | VirtioFeatures.NET_HOST_TSO4
                    | VirtioFeatures.NET_HOST_TSO6;
    private static final int HEADER = NetDescriptor.HEADER_BYTES;
    private static final int TRANSMIT = 1;
    private static final int ENTRIES = 64;
    private static final int PAGE = 4096;

    private FakeDevice device;
    private NetworkService net;
    private TransmitQueue queue;
    private RingPeer ring;
    private DmaMemory memory;
    private long at;
    private final List<Integer> sent = new ArrayList<>();

    private void start(long features) {
        start(features, false);
    }

    private void start(long features, boolean lingers) {
        device = new FakeDevice(features, null, 2);
        if (lingers) {
            device.lingers();
        }
        begin();
    }

    private void begin() {
        net = (NetworkService) new VirtioNetDriver().start(device);
        queue = net.transmitQueue(0);
        queue.onSent(sent::add);
        ring = device.ring(TRANSMIT);
        memory = device.physical().allocate(64 * PAGE);
        at = memory.physicalAddress();
    }

    @AfterEach
    void close() {
        net.close();
        assertThat(device.dma().statistics().liveMappings()).isZero();
        memory.close();
        device.close();
    }

    private byte[] bytes(RingPeer.Part part) {
        return device.memory(part.iova(), part.lengthBytes()).toArray(ValueLayout.JAVA_BYTE);
    }

    private void completeAll() {
        while (ring.waiting() > 0) {
            ring.complete(ring.next().head(), 0);
        }
    }

    @Test
    void shouldSendAFrameFromWhereItIs() {
        start(OFFERED);
        assertThat(queue.post(at + 100, 60, FrameOffload.NONE, 7)).isTrue();
        assertThat(ring.waiting()).as("before the flush").isZero();
        assertThat(queue.pending()).isEqualTo(1);
        assertThat(queue.flush()).isEqualTo(1);
        var chain = ring.next();
        assertThat(chain.parts()).hasSize(2).noneMatch(RingPeer.Part::writable);
        assertThat(bytes(chain.parts().getFirst())).hasSize(HEADER).containsOnly(0);
        assertThat(chain.parts().getLast()).isEqualTo(new RingPeer.Part(at + 100, 60, false));
        assertThat(queue.pending()).isEqualTo(1);
        assertThat(sent).as("the device has it").isEmpty();
        ring.complete(chain.head(), 0);
        assertThat(queue.pending()).isZero();
        assertThat(sent).containsExactly(7);
        assertThat(queue.frames()).isEqualTo(1);
        assertThat(queue.bytes()).isEqualTo(60);
    }

    @Test
    void shouldHandABatchOverWithOneDoorbell() {
        start(OFFERED);
        var list = new ScatterGatherList(4);
        for (int frame = 0; frame < 20; frame++) {
            int buffer = queue.claim();
            queue.commit(buffer, 60);
            queue.post(at, 60, FrameOffload.NONE, frame);
            list.clear();
            list.add(at + PAGE, 20);
            list.add(at + 3 * PAGE, 1000);
            queue.post(list, FrameOffload.NONE, 100 + frame);
        }
        assertThat(queue.doorbells()).isZero();
        assertThat(queue.flush()).isEqualTo(60);
        assertThat(queue.doorbells()).isEqualTo(1);
        for (int frame = 0; frame < 20; frame++) {
            assertThat(ring.next().parts()).hasSize(1);
            assertThat(ring.next().parts()).hasSize(2);
            assertThat(ring.next().parts()).hasSize(3);
        }
        assertThat(ring.waiting()).isZero();
    }

    @Test
    void shouldLetAListBeUsedAgainAtOnce() {
        start(OFFERED);
        var list = new ScatterGatherList(3);
        for (int frame = 0; frame < 3; frame++) {
            list.clear();
            list.add(at + frame * PAGE, 20 + frame);
            list.add(at + 50 * PAGE, 500 + frame);
            assertThat(queue.post(list, FrameOffload.NONE, frame)).isTrue();
        }
        queue.flush();
        for (int frame = 0; frame < 3; frame++) {
            assertThat(ring.next().parts())
                    .extracting(RingPeer.Part::lengthBytes)
                    .containsExactly(HEADER, 20 + frame, 500 + frame);
        }
    }

    @Test
    void shouldTellOfAFrameOnlyWhenTheDeviceHasForgottenIt() {
        start(OFFERED, true);
        queue.post(at, 60, FrameOffload.NONE, 1);
        queue.flush();
        completeAll();
        assertThat(queue.pending()).as("still reached").isEqualTo(1);
        assertThat(sent).isEmpty();
        device.settle();
        assertThat(queue.pending()).isZero();
        assertThat(sent).containsExactly(1);
    }

    @Test
    void shouldSendNoFrameInHalfWhereIovasRunShort() {
        device = new FakeDevice(OFFERED, null, 2);
        device.canRunShort();
        begin();
        long before = device.dma().statistics().liveMappings();
        var list = new ScatterGatherList(3);
        for (int part = 0; part < 3; part++) {
            list.add(at + 2L * part * PAGE, 100);
        }
        for (int frame = 0; frame < 4; frame++) {
            assertThat(queue.post(list, FrameOffload.NONE, frame)).isTrue();
        }
        device.limitBatches(2);
        assertThat(queue.flush()).as("not even one").isZero();
        assertThat(device.dma().statistics().liveMappings()).isEqualTo(before);
        device.limitBatches(8);
        assertThat(queue.flush()).as("two, and two parts over").isEqualTo(2);
        assertThat(device.dma().statistics().liveMappings()).isEqualTo(before + 6);
        assertThat(ring.waiting()).isEqualTo(2);
        device.limitBatches(Integer.MAX_VALUE);
        assertThat(queue.flush()).isEqualTo(2);
        for (int frame = 0; frame < 4; frame++) {
            var chain = ring.next();
            assertThat(chain.parts())
                    .extracting(RingPeer.Part::lengthBytes)
                    .containsExactly(HEADER, 100, 100, 100);
            ring.complete(chain.head(), 0);
        }
        assertThat(queue.pending()).isZero();
        assertThat(sent).containsExactly(0, 1, 2, 3);
        assertThat(device.dma().statistics().liveMappings()).isEqualTo(before);
    }

    @Test
    void shouldRefuseMoreThanTheDeviceCanHave() {
        start(OFFERED);
        int posted = 0;
        while (queue.post(at, 60, FrameOffload.NONE, posted)) {
            posted++;
        }
        assertThat(posted).isEqualTo(ENTRIES);
        assertThat(queue.flush()).isEqualTo(ENTRIES);
        assertThat(queue.post(at, 60, FrameOffload.NONE, posted)).isFalse();
        int claimed = queue.claim();
        queue.commit(claimed, 60);
        assertThat(queue.flush()).as("the ring is full").isZero();
        completeAll();
        assertThat(queue.flush()).isEqualTo(1);
        assertThat(sent).hasSize(ENTRIES);
        assertThat(queue.post(at, 60, FrameOffload.NONE, posted)).isTrue();
    }

    @Test
    void shouldTakeDescriptorsForEachPartWhereTablesAreNotAgreedOn() {
        start(OFFERED & ~VirtioFeatures.RING_INDIRECT_DESC);
        var list = new ScatterGatherList(7);
        for (int part = 0; part < 7; part++) {
            list.add(at + 2L * part * PAGE, 100);
        }
        for (int frame = 0; frame < 10; frame++) {
            assertThat(queue.post(list, FrameOffload.NONE, frame)).isTrue();
        }
        assertThat(queue.flush()).as("of 8 descriptors each").isEqualTo(ENTRIES / 8);
        assertThat(queue.pending()).isEqualTo(10);
        completeAll();
        assertThat(queue.flush()).isEqualTo(2);
        completeAll();
        assertThat(queue.pending()).isZero();
        assertThat(sent).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    }

    @Test
    void shouldAskForWhatTheDeviceShallDo() {
        start(OFFERED);
        queue.post(at, 100, FrameOffload.checksum(34, 6), 0);
        queue.post(at, 3000, FrameOffload.segments(34, 66, 1448, false), 1);
        queue.post(at, 3000, FrameOffload.segments(54, 74, 1428, true), 2);
        int buffer = queue.claim();
        queue.commit(buffer, 100, FrameOffload.checksum(34, 16));
        queue.flush();
        assertThat(bytes(ring.next().parts().getFirst()))
                .containsExactly(1, 0, 0, 0, 0, 0, 34, 0, 6, 0, 0, 0);
        assertThat(bytes(ring.next().parts().getFirst()))
                .containsExactly(1, 1, 66, 0, 1448 & 0xff, 1448 >> 8, 34, 0, 16, 0, 0, 0);
        assertThat(bytes(ring.next().parts().getFirst()))
                .containsExactly(1, 4, 74, 0, 1428 & 0xff, 1428 >> 8, 54, 0, 16, 0, 0, 0);
        assertThat(bytes(ring.next().parts().getFirst()))
                .startsWith(1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0);
    }

    @Test
    void shouldAskForNothingWhereItAskedForSomethingBefore() {
        start(OFFERED);
        for (int round = 0; round < 3 * ENTRIES; round++) {
            long wanted = round % 2 == 0 ? FrameOffload.checksum(34, 6) : FrameOffload.NONE;
            queue.post(at, 100, wanted, 0);
            int buffer = queue.claim();
            queue.commit(buffer, 100, wanted);
            queue.flush();
            for (int frame = 0; frame < 2; frame++) {
                var chain = ring.next();
                assertThat(bytes(chain.parts().getFirst())[0]).isEqualTo((byte) (1 - round % 2));
                ring.complete(chain.head(), 0);
            }
        }
    }

    @Test
    void shouldPutHeadersBeforeAPayloadOfTheClientsMemory() {
        start(OFFERED);
        var payload = new ScatterGatherList(17);
        for (int page = 0; page < 16; page++) {
            payload.add(at + 2L * page * PAGE, PAGE);
        }
        int buffer = queue.claim();
        long offload = FrameOffload.segments(34, 54, 1460, false);
        assertThat(queue.transmit(buffer, 54, payload, offload)).isTrue();
        assertThat(ring.waiting()).isZero();
        assertThat(queue.flush()).isEqualTo(1);
        var chain = ring.next();
        assertThat(chain.parts()).hasSize(17);
        assertThat(chain.parts().getFirst().lengthBytes()).isEqualTo(HEADER + 54);
        assertThat(bytes(chain.parts().getFirst())).startsWith(1, 1, 54, 0);
        ring.complete(chain.head(), 0);
        assertThat(queue.pending()).isZero();
        assertThat(queue.bytes()).isEqualTo(54 + 16 * PAGE);
    }

    @ParameterizedTest
    @CsvSource({
        "13, 0", // no frame
        "1519, 0", // longer than the MTU, and not cut
        "60, -1",
        "-1, 0",
        "65594, 0",
    })
    void shouldRefuseWhatIsNoFrame(int lengthBytes, int token) {
        start(OFFERED);
        assertThatThrownBy(() -> queue.post(at, lengthBytes, FrameOffload.NONE, token))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(queue.pending()).isZero();
    }

    @Test
    void shouldRefuseAListThatTheDeviceCannotGather() {
        start(OFFERED);
        var list = new ScatterGatherList(18);
        assertThatThrownBy(() -> queue.post(list, FrameOffload.NONE, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("empty");
        for (int part = 0; part < 18; part++) {
            list.add(at + 2L * part * PAGE, 50);
        }
        for (int tries = 0; tries < 2 * ENTRIES; tries++) {
            assertThatThrownBy(() -> queue.post(list, FrameOffload.NONE, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("at most 17");
        }
        assertThat(queue.post(at, 60, FrameOffload.NONE, 0)).as("nothing is lost").isTrue();
    }

    @Test
    void shouldRefuseWorkThatTheDeviceCannotDo() {
        start(VirtioFeatures.VERSION_1 | VirtioFeatures.NET_CSUM);
        assertThat(net.offloads()).isEqualTo(FrameOffload.CHECKSUM);
        assertThatThrownBy(() -> queue.post(at, 3000, FrameOffload.segments(34, 54, 100, false), 0))
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> queue.post(at, 100, FrameOffload.checksum(90, 16), 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("names more");
        assertThatThrownBy(() -> queue.post(at, 100, FrameOffload.checksum(13, 16), 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(queue.pending()).isZero();
    }

    @Test
    void shouldNotCutWhereTheDeviceDoesNotSum() {
        start(OFFERED & ~VirtioFeatures.NET_CSUM);
        assertThat(device.accepted() & VirtioFeatures.NET_HOST_TSO4).isZero();
        assertThat(net.offloads()).isZero();
    }

    /** Frames of every kind, finished in any order: each is told of once, and none is mixed up. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldKeepFramesApartWhateverTheOrder(boolean isIndirect) {
        start(isIndirect ? OFFERED : OFFERED & ~VirtioFeatures.RING_INDIRECT_DESC);
        long seed = System.nanoTime();
        var random = new Random(seed);
        var list = new ScatterGatherList(8);
        var open = new ArrayList<Integer>();
        var held = new ArrayList<RingPeer.Chain>();
        long claimedFrames = 0;
        int token = 0;
        for (int round = 0; round < 20_000; round++) {
            int kind = random.nextInt(4);
            if (kind == 0) {
                int buffer = queue.claim();
                if (buffer != TransmitQueue.NONE) {
                    queue.commit(buffer, 60);
                    claimedFrames++;
                }
            } else if (kind == 1 && queue.post(at + random.nextInt(1000), 60, 0, token)) {
                open.add(token++);
            } else if (kind == 2) {
                list.clear();
                int parts = 1 + random.nextInt(8);
                for (int part = 0; part < parts; part++) {
                    list.add(at + 2L * part * PAGE, 50);
                }
                if (queue.post(list, 0, token)) {
                    open.add(token++);
                }
            } else if (kind == 3) {
                queue.flush();
                while (ring.waiting() > 0) {
                    held.add(ring.next());
                }
                while (!held.isEmpty() && random.nextInt(4) > 0) {
                    ring.complete(held.remove(random.nextInt(held.size())).head(), 0);
                }
            }
            assertThat(queue.pending()).as("seed %d", seed).isLessThanOrEqualTo(2 * ENTRIES);
            open.removeAll(sent);
            sent.clear();
        }
        while (queue.pending() > 0) {
            queue.flush();
            held.forEach(chain -> ring.complete(chain.head(), 0));
            held.clear();
            completeAll();
        }
        open.removeAll(sent);
        assertThat(open).as("seed %d", seed).isEmpty();
        assertThat(queue.frames()).as("seed %d", seed).isEqualTo(claimedFrames + token);
    }
}
