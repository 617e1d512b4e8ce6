package dev.outboard.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.testkit.RingPeer;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Buffers of the client's own to receive into. */
class SuppliedBuffersTest {
    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.NET_GUEST_CSUM
                    | VirtioFeatures.NET_GUEST_TSO4
                    | VirtioFeatures.NET_MRG_RXBUF;
    private static final int HEADER = NetDescriptor.HEADER_BYTES;
    private static final int RECEIVE = 0;
    private static final int ENTRIES = 64;
    private static final int PAGE = 4096;

    private FakeDevice device;
    private NetworkService net;
    private ReceiveQueue queue;
    private DmaMemory memory;

    /** What was shown: its first bytes, its parts' tokens, and which of them were supplied. */
    private record Shown(List<Byte> first, List<Integer> tokens, List<Boolean> supplied) {}

    private final List<Shown> shown = new ArrayList<>();
    private final ReceivedFrameHandler handler =
            frame -> {
                var one = new Shown(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
                for (int part = 0; part < frame.parts(); part++) {
                    one.first.add(
                            frame.memory(part).get(ValueLayout.JAVA_BYTE, frame.offset(part)));
                    one.tokens.add(frame.token(part));
                    one.supplied.add(frame.isSupplied(part));
                }
                shown.add(one);
            };

    @BeforeEach
    void start() {
        device = new FakeDevice(FEATURES, null, 2);
        device.clientTakes(FrameOffload.UNSUMMED | FrameOffload.MERGED_IPV4);
        net = (NetworkService) new VirtioNetDriver().start(device);
        queue = net.receiveQueue(0);
        memory = device.physical().allocate(ENTRIES * PAGE);
    }

    @AfterEach
    void close() {
        net.close();
        assertThat(device.dma().statistics().liveMappings()).isZero();
        memory.close();
        device.close();
    }

    private RingPeer ring() {
        return device.ring(RECEIVE);
    }

    private boolean supply(int token) {
        int at = token % ENTRIES * PAGE;
        return queue.supply(memory.memory(), at, memory.physicalAddress() + at, 2000, token);
    }

    /** A frame of so many parts whose every byte is this. */
    private void deliver(int value, int parts) {
        for (int part = 0; part < parts; part++) {
            var chain = ring().next();
            var buffer = chain.parts().getFirst();
            int bytes = part == 0 ? HEADER + 100 : 50;
            device.memory(buffer.iova(), bytes).fill((byte) value);
            if (part == 0) {
                var header = device.memory(buffer.iova(), HEADER);
                header.fill((byte) 0);
                header.set(ValueLayout.JAVA_BYTE, 10, (byte) parts);
            }
            ring().complete(chain.head(), bytes);
        }
    }

    private void drainOwn() {
        for (int own = 0; own < ENTRIES; own++) {
            deliver(0x55, 1);
        }
        assertThat(queue.pollFrames(handler, 100)).isEqualTo(ENTRIES);
        assertThat(shown).allMatch(one -> !one.supplied.getFirst());
        shown.clear();
    }

    @Test
    void shouldReceiveIntoWhatWasSupplied() {
        assertThat(queue.isSuppliable()).isTrue();
        assertThat(queue.frontBytes()).isEqualTo(HEADER);
        for (int token = 0; token < 10; token++) {
            assertThat(supply(token)).isTrue();
        }
        drainOwn();
        assertThat(ring().waiting()).as("none of the queue's own").isEqualTo(10);
        deliver(1, 1);
        deliver(2, 3);
        assertThat(queue.pollFrames(handler, 100)).isEqualTo(2);
        assertThat(shown.get(0)).isEqualTo(new Shown(List.of((byte) 1), List.of(0), List.of(true)));
        assertThat(shown.get(1).tokens).containsExactly(1, 2, 3);
        assertThat(memory.memory().get(ValueLayout.JAVA_BYTE, PAGE + HEADER)).isEqualTo((byte) 2);
        assertThat(memory.memory().get(ValueLayout.JAVA_BYTE, 2 * PAGE)).isEqualTo((byte) 2);
        assertThat(ring().waiting()).as("what was shown is the client's").isEqualTo(6);
    }

    @Test
    void shouldTakeAsManyAsItCanHaveAndMoreWhenSomeCameBack() {
        int token = 0;
        while (supply(token)) {
            token++;
        }
        assertThat(token).isEqualTo(ENTRIES);
        drainOwn();
        assertThat(ring().waiting()).isEqualTo(ENTRIES);
        for (int round = 0; round < 1000; round++) {
            deliver(round & 0xff, 1);
            assertThat(queue.pollFrames(handler, 100)).isEqualTo(1);
            assertThat(shown.getLast().tokens).containsExactly(round);
            assertThat(supply(token++)).isTrue();
            assertThat(supply(token)).isFalse();
            assertThat(queue.await(0)).isFalse();
            assertThat(ring().waiting()).as("given before it waits").isEqualTo(ENTRIES);
        }
    }

    @Test
    void shouldKeepAFrameTogetherThatLiesInOwnAndSuppliedBuffers() {
        for (int token = 0; token < 4; token++) {
            supply(token);
        }
        for (int own = 0; own < ENTRIES - 1; own++) {
            deliver(0x55, 1);
        }
        queue.pollFrames(handler, 100);
        shown.clear();
        deliver(7, 3);
        assertThat(queue.pollFrames(handler, 100)).isEqualTo(1);
        assertThat(shown.getFirst().supplied).containsExactly(false, true, true);
        assertThat(shown.getFirst().first).containsExactly((byte) 7, (byte) 7, (byte) 7);
        assertThat(ring().waiting()).isEqualTo(2);
    }

    @Test
    void shouldGiveASuppliedBufferToTheDeviceAgainWhoseFrameNobodySaw() {
        supply(0);
        supply(1);
        drainOwn();
        var chain = ring().next();
        device.memory(chain.parts().getFirst().iova(), HEADER).fill((byte) 0);
        // A sum that begins before the frame's payload, and one buffer.
        device.memory(chain.parts().getFirst().iova(), 1).fill((byte) 1);
        device.memory(chain.parts().getFirst().iova() + 10, 1).fill((byte) 1);
        ring().complete(chain.head(), HEADER + 60);
        assertThat(queue.pollFrames(handler, 100)).isEqualTo(1);
        assertThat(shown).isEmpty();
        assertThat(queue.dropped()).isEqualTo(1);
        assertThat(ring().waiting()).isEqualTo(2);
        deliver(1, 1);
        deliver(2, 1);
        queue.pollFrames(handler, 100);
        assertThat(shown).extracting(Shown::tokens).containsExactly(List.of(1), List.of(0));
    }

    @Test
    void shouldTakeEverythingBackAtOnce() {
        long mapped = device.dma().statistics().liveMappings();
        for (int token = 0; token < 20; token++) {
            supply(token);
        }
        drainOwn();
        deliver(1, 1);
        deliver(2, 2);
        queue.withdraw();
        assertThat(device.dma().statistics().liveMappings()).as("its own only").isEqualTo(mapped);
        assertThat(ring().waiting()).isEqualTo(ENTRIES);
        while (ring().waiting() > 0) {
            long at = ring().next().parts().getFirst().iova() - memory.physicalAddress();
            assertThat(at < 0 || at >= memory.lengthBytes()).isTrue();
        }
        assertThat(queue.pollFrames(handler, 100)).as("lost on the way").isZero();
    }

    @Test
    void shouldReceiveAfterSuppliesWereWithdrawnAsBefore() {
        for (int round = 0; round < 5; round++) {
            for (int token = 0; token < 20; token++) {
                supply(token);
            }
            drainOwn();
            deliver(1, 1);
            assertThat(queue.pollFrames(handler, 100)).isEqualTo(1);
            deliver(1, 1);
            queue.withdraw();
            for (int frame = 0; frame < 200; frame++) {
                deliver(frame & 0xff, 1);
                assertThat(queue.pollFrames(handler, 100)).isEqualTo(1);
                assertThat(shown.getLast().supplied).containsExactly(false);
            }
            shown.clear();
        }
    }

    @Test
    void shouldKeepWhatIsKeptThroughAWithdrawal() {
        var kept = new ArrayList<Integer>();
        deliver(9, 1);
        queue.pollFrames(
                frame -> {
                    frame.keep();
                    kept.add(frame.token(0));
                },
                1);
        supply(0);
        queue.withdraw();
        assertThat(ring().waiting()).isEqualTo(ENTRIES - 1);
        queue.release(kept.getFirst());
        queue.pollFrames(handler, 1);
        assertThat(ring().waiting()).isEqualTo(ENTRIES);
    }

    @Test
    void shouldChangeNothingWhereNothingWasSupplied() {
        var before = ring();
        queue.withdraw();
        assertThat(ring()).isSameAs(before);
    }

    @Test
    void shouldRejectMoreThanASuppliedBufferHolds() {
        supply(0);
        drainOwn();
        var chain = ring().next();
        ring().complete(chain.head(), 2001);
        assertThatThrownBy(() -> queue.pollFrames(handler, 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("2001 bytes written into 2000");
    }

    @ParameterizedTest
    @CsvSource({"25, 0", "0, 0", "-1, 0", "2000, -1"})
    void shouldRefuseWhatHoldsNoFrame(int lengthBytes, int token) {
        assertThatThrownBy(
                        () ->
                                queue.supply(
                                        memory.memory(),
                                        0,
                                        memory.physicalAddress(),
                                        lengthBytes,
                                        token))
                .isInstanceOf(IllegalArgumentException.class);
        deliver(1, 1);
        assertThat(queue.pollFrames(handler, 1)).isEqualTo(1);
        assertThat(ring().waiting()).as("its own are still used").isEqualTo(ENTRIES);
    }
}
