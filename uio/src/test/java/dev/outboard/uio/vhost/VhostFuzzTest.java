package dev.outboard.uio.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Seeded nonsense: whatever comes, the session ends or lives, nothing is thrown, nothing leaks. */
final class VhostFuzzTest {
    private static final int SESSIONS = 300;
    private static final int MESSAGES = 40;
    private static final int[] NUMBERS = {0, 1, 2, 3, 4, 255, 256, 257, 4096, -1};

    @Test
    void shouldSurviveAnythingAFrontEndSends() {
        long seed = Long.getLong("outboard.seed", System.nanoTime());
        System.out.println("VhostFuzzTest: -Doutboard.seed=" + seed);
        Random random = new Random(seed);
        int openBefore = Descriptor.openCount();
        int handled = 0;
        for (int i = 0; i < SESSIONS; i++) {
            handled += oneSession(random);
            assertThat(Descriptor.openCount())
                    .as("descriptors after session %d of seed %d", i, seed)
                    .isEqualTo(openBefore);
        }
        assertThat(handled).as("messages that reached the device").isGreaterThan(SESSIONS);
    }

    private static int oneSession(Random random) {
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (RecordingBackEnd backEnd = new RecordingBackEnd();
                Wire wire = new Wire(pair[0]);
                VhostSession session = new VhostSession(pair[1], backEnd)) {
            backEnd.protocolFeatures |= VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;
            wire.send(Requests.SET_PROTOCOL_FEATURES, Wire.longs(0x8209));
            boolean alive = session.onReadable();
            for (int i = 0; i < MESSAGES && alive; i++) {
                alive = oneMessage(random, wire, session);
            }
            assertThat(session.reason() == null).isEqualTo(alive);
            return backEnd.calls.size();
        }
    }

    /** A message that may be right, of which then maybe something is made wrong. */
    private static boolean oneMessage(Random random, Wire wire, VhostSession session) {
        boolean right = random.nextInt(4) > 0;
        int request = random.nextInt(80) == 0 ? random.nextInt() : random.nextInt(1, 39);
        int size = right ? rightSize(request) : 4 * random.nextInt(20);
        int count = right ? rightCount(request) : random.nextInt(3);
        int flags = random.nextInt(80) == 0 ? random.nextInt() : 1 | 8;
        byte[] message = Wire.message(request, flags, payload(random, request, size));
        if (random.nextInt(80) == 0) {
            random.nextBytes(message);
        }
        boolean files = request == Requests.SET_MEM_TABLE || request == Requests.ADD_MEM_REG;
        boolean mixedUp = random.nextInt(10) == 0;
        try {
            wire.send(message, files ^ mixedUp ? Wire.files(count) : Wire.events(count));
        } catch (PeerGoneException gone) {
            return session.onReadable();
        }
        boolean alive = session.onReadable();
        wire.received();
        return alive;
    }

    private static int rightSize(int request) {
        return switch (request) {
            case 2, 8, 10, 11, 12, 13, 14, 16, 18 -> 8;
            case 5, 9, 37, 38 -> 40;
            case 24, 25 -> 16;
            default -> 0;
        };
    }

    private static int rightCount(int request) {
        return switch (request) {
            case 5, 12, 13, 14, 37 -> 1;
            default -> 0;
        };
    }

    private static byte[] payload(Random random, int request, int size) {
        int[] words = new int[size / 4];
        for (int i = 0; i < words.length; i++) {
            words[i] =
                    random.nextInt(20) == 0
                            ? random.nextInt()
                            : NUMBERS[random.nextInt(random.nextBoolean() ? 5 : NUMBERS.length)];
        }
        if (request == Requests.SET_PROTOCOL_FEATURES && size == 8) {
            // Without REPLY_ACK the first refusal would be the end.
            words[0] = 0x8209;
            words[1] = 0;
        }
        if (request == Requests.SET_VRING_ADDR && size == 40) {
            words[1] = 0;
        }
        if (random.nextBoolean() && words.length > 1) {
            words[1] = 0;
        }
        return Wire.ints(words);
    }
}
