package dev.outboard.internet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class InternetSumTest {
    private static final int MOST_BYTES = 65_535;

    @Test
    void shouldSumTheExampleOfTheStandard() {
        byte[] bytes = {0, 1, (byte) 0xf2, 3, (byte) 0xf4, (byte) 0xf5, (byte) 0xf6, (byte) 0xf7};
        assertThat(InternetSum.add(0, ByteBuffer.wrap(bytes), 0, 8)).isEqualTo(0xddf2);
        assertThat(InternetSum.add(0, MemorySegment.ofArray(bytes), 0, 8)).isEqualTo(0xddf2);
    }

    /** RFC 1071: words added with the carry brought around, one at a time. */
    private static int slow(int before, byte[] bytes, int from, int length) {
        int sum = before;
        for (int offset = 0; offset < length; offset += 2) {
            int low = offset + 1 < length ? bytes[from + offset + 1] & 0xff : 0;
            sum += (bytes[from + offset] & 0xff) << 8 | low;
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    @Test
    void shouldAgreeWithWordByWordWhereverItBegins() {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        for (int turn = 0; turn < 2_000; turn++) {
            int length = random.nextInt(turn % 100 == 0 ? MOST_BYTES : 200);
            int from = random.nextInt(9);
            byte[] bytes = new byte[from + length];
            random.nextBytes(bytes);
            int before = random.nextInt(0x10000);
            int wanted = slow(before, bytes, from, length);
            String which = "seed=%d turn=%d".formatted(seed, turn);
            assertThat(InternetSum.add(before, MemorySegment.ofArray(bytes), from, length))
                    .as(which)
                    .isEqualTo(wanted);
            assertThat(InternetSum.add(before, ByteBuffer.wrap(bytes), from, length))
                    .as(which)
                    .isEqualTo(wanted);
        }
    }

    @Test
    void shouldNotLoseACarryOfTheLongestPacket() {
        byte[] ones = new byte[MOST_BYTES + 1];
        Arrays.fill(ones, (byte) 0xff);
        assertThat(InternetSum.add(0xffff, MemorySegment.ofArray(ones), 0, ones.length))
                .isEqualTo(0xffff);
    }

    @Test
    void shouldFindAChangedBit() {
        byte[] bytes = new byte[64];
        new Random(1).nextBytes(bytes);
        int stored = InternetSum.stored(InternetSum.add(0, MemorySegment.ofArray(bytes), 0, 64));
        var whole = ByteBuffer.allocate(66).put(bytes).putShort((short) stored);
        var memory = MemorySegment.ofArray(whole.array());
        assertThat(InternetSum.isRight(InternetSum.add(0, memory, 0, 66))).isTrue();
        for (int bit = 0; bit < 66 * 8; bit++) {
            whole.array()[bit / 8] ^= (byte) (1 << bit % 8);
            assertThat(InternetSum.isRight(InternetSum.add(0, memory, 0, 66)))
                    .as("bit %d", bit)
                    .isFalse();
            whole.array()[bit / 8] ^= (byte) (1 << bit % 8);
        }
    }

    @Test
    void shouldNeverStoreNothingWhereThatMeansNoSum() {
        assertThat(InternetSum.storedOrOnes(0xffff)).isEqualTo((short) 0xffff);
        assertThat(InternetSum.storedOrOnes(0x1234)).isEqualTo(InternetSum.stored(0x1234));
    }

    @Test
    void shouldCountBothAddressesOfAnIpv6Packet() {
        byte[] packet = new byte[PacketDescriptor.IPV6 + PacketDescriptor.IPV6_BYTES];
        new Random(2).nextBytes(packet);
        byte[] pseudo = new byte[40];
        System.arraycopy(packet, PacketDescriptor.IPV6_SOURCE, pseudo, 0, 32);
        ByteBuffer.wrap(pseudo).putInt(32, 0x12345).put(39, (byte) 17);
        assertThat(
                        InternetSum.pseudoHeaderIpv6(
                                MemorySegment.ofArray(packet),
                                PacketDescriptor.IPV6_SOURCE,
                                17,
                                0x12345))
                .isEqualTo(slow(0, pseudo, 0, 40));
    }
}
