package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.vhost.BackEndChannel;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A front-end that translates at random, while two others want to be served as ever. */
@Timeout(120)
class AskedFuzzTest extends NicFixture {
    private static final long USER = 0x7000_0000_0000L;
    private static final int PAGE = 4096;
    private static final int ROUNDS = 6;
    private static final int STEPS = 400;

    private final long seed = Long.getLong("outboard.seed", System.nanoTime());
    private final Random random = new Random(seed);

    private final class Moody implements BackEndChannel.Listener {
        @Override
        public boolean iotlbMissed(long iova, int access) {
            return random.nextBoolean();
        }

        @Override
        public void accessFailed(long iova, int access) {
            // It may say so.
        }
    }

    @Test
    void shouldServeTheOthersWhateverAFrontEndTranslates() {
        System.out.println("AskedFuzzTest: -Doutboard.seed=" + seed);
        startModel(3, false, 1_000_000);
        var a = driver(0, false);
        var b = driver(1, false).supply(64);
        b.send(NicDriver.frame(C, B, 60, 0), false);
        int before = Descriptor.openCount();
        for (int round = 0; round < ROUNDS; round++) {
            long ended = port(2).disconnections() + 1;
            try (var hostile = TestDriver.openAsked(socket(2))) {
                misuse(hostile, a, b);
            }
            Await.until("the end of the session", () -> port(2).disconnections() == ended);
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
        assertThat(port(0).connected() && port(1).connected()).isTrue();
        assertThat(port(0).faults() + port(1).faults()).isZero();
        assertThat(port(2).asked().updates()).as("seed=" + seed).isPositive();
    }

    private void misuse(TestDriver hostile, NicDriver a, NicDriver b) {
        hostile.negotiate(0);
        try (var channel = hostile.frontEnd.openBackEndChannel(new Moody())) {
            hostile.startQueue(0, TestDriver.ENTRIES);
            hostile.startQueue(1, TestDriver.ENTRIES);
            for (int step = 0; step < STEPS; step++) {
                step(hostile, channel);
                if (step % 8 == 0) {
                    var frame = NicDriver.frame(B, A, 60 + random.nextInt(1400), step);
                    a.send(frame, random.nextBoolean());
                    assertThat(nextOf(b, A)).as("seed=" + seed).isEqualTo(frame);
                }
            }
        } catch (PeerGoneException gone) {
            // The device has had enough of it: that is its right.
        }
    }

    /** What the hostile one manages to send to all is not for this test. */
    private static byte[] nextOf(NicDriver receiver, MacAddress sender) {
        while (true) {
            var frame = receiver.next();
            if (frame.length > 12 && frame[11] == sender.bytes()[5]) {
                return frame;
            }
        }
    }

    private void step(TestDriver hostile, BackEndChannel channel) {
        long base = hostile.block.iova();
        long iova = base + random.nextInt(1 << 20) - random.nextInt(PAGE);
        long length = 1 + random.nextInt(random.nextBoolean() ? PAGE : 1 << 20);
        try {
            switch (random.nextInt(8)) {
                case 0, 1 ->
                        // The truth, mostly: so that it gets somewhere.
                        hostile.frontEnd.updateIotlb(
                                base, TestDriver.BLOCK_BYTES, base + USER, Access.READ_WRITE);
                case 2 ->
                        hostile.frontEnd.updateIotlb(
                                iova,
                                length,
                                base + USER + random.nextInt(12 << 20) - PAGE,
                                1 + random.nextInt(3));
                case 3 -> hostile.frontEnd.invalidateIotlb(iova, length);
                case 4 -> channel.onReadable();
                case 5 -> hostile.frontEnd.stopVring(random.nextInt(2));
                case 6 -> hostile.kicks.get(random.nextInt(2)).signal();
                default -> offer(hostile, iova, (int) length);
            }
        } catch (VhostProtocolException refused) {
            // As it should be; the session goes on or ends.
        }
    }

    private void offer(TestDriver hostile, long iova, int length) {
        int queue = random.nextInt(2);
        var ring = hostile.rings.get(queue);
        int before = ring.availableIndex;
        int head = random.nextInt(TestDriver.ENTRIES);
        int odd = random.nextInt(20) == 0 ? FLAG_NEXT | FLAG_INDIRECT : 0;
        ring.descriptor(head, iova, length, (queue == 0 ? FLAG_WRITE : 0) | odd, head);
        ring.offer(head);
        hostile.publish(queue, before);
    }
}
