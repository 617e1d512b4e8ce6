package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Random;

/**
 * Packets of TCP and UDP over IPv4 and IPv6 in a test, with sums of an arithmetic of its own: word
 * by word, as RFC 1071 tells it.
 */
final class TestPacket {
    static final int TCP = 6;
    static final int UDP = 17;

    final boolean ipv6;
    final int protocol;
    final boolean tagged;
    final byte[] frame;

    private TestPacket(boolean ipv6, int protocol, boolean tagged, byte[] frame) {
        this.ipv6 = ipv6;
        this.protocol = protocol;
        this.tagged = tagged;
        this.frame = frame;
    }

    /** A packet at random, whose sum is only that of its pseudo header. */
    static TestPacket random(
            Random random, boolean ipv6, int protocol, boolean tagged, int payloadBytes) {
        int ip = tagged ? 18 : 14;
        int transport = ip + (ipv6 ? 40 : 20 + 4 * random.nextInt(3));
        int own = protocol == UDP ? 8 : 20 + 4 * random.nextInt(4);
        var frame = new byte[transport + own + payloadBytes];
        random.nextBytes(frame);
        var bytes = ByteBuffer.wrap(frame);
        System.arraycopy(NicFixture.B.bytes(), 0, frame, 0, 6);
        System.arraycopy(NicFixture.A.bytes(), 0, frame, 6, 6);
        int type = ipv6 ? 0x86dd : 0x0800;
        bytes.putShort(12, (short) (tagged ? 0x8100 : type));
        bytes.putShort(ip - 2, (short) type);
        if (ipv6) {
            frame[ip] = 0x60;
            bytes.putShort(ip + 4, (short) (frame.length - transport));
            frame[ip + 6] = (byte) protocol;
        } else {
            frame[ip] = (byte) (0x40 | (transport - ip) / 4);
            bytes.putShort(ip + 2, (short) (frame.length - ip));
            bytes.putShort(ip + 6, (short) 0x4000);
            frame[ip + 9] = (byte) protocol;
            bytes.putShort(ip + 10, (short) 0);
            bytes.putShort(ip + 10, (short) ~sum(frame, ip, transport - ip, 0));
        }
        var packet = new TestPacket(ipv6, protocol, tagged, frame);
        if (protocol == UDP) {
            bytes.putShort(transport + 4, (short) (frame.length - transport));
        } else {
            frame[transport + 12] = (byte) (own / 4 << 4);
        }
        bytes.putShort(packet.sumAt(), (short) packet.pseudoSum(frame));
        return packet;
    }

    int ip() {
        return tagged ? 18 : 14;
    }

    int transport() {
        return ip() + (ipv6 ? 40 : (frame[ip()] & 15) * 4);
    }

    int headersBytes() {
        return transport() + (protocol == UDP ? 8 : (frame[transport() + 12] >>> 4 & 15) * 4);
    }

    int sumOffset() {
        return protocol == UDP ? 6 : 16;
    }

    private int sumAt() {
        return transport() + sumOffset();
    }

    int payloadBytes() {
        return frame.length - headersBytes();
    }

    private int pseudoSum(byte[] of) {
        int addresses = ip() + (ipv6 ? 8 : 12);
        int length = of.length - transport();
        int sum = sum(of, addresses, ipv6 ? 32 : 8, protocol);
        return fold(sum + (length >>> 16) + (length & 0xffff));
    }

    /** A header that leaves the sum to the device. */
    byte[] unsummed() {
        return OffloadDriver.header(1, 0, 0, 0, transport(), sumOffset());
    }

    /** A header that leaves cutting to it, too. */
    byte[] uncut(int size) {
        int type = protocol == UDP ? 5 : ipv6 ? 4 : 1;
        return OffloadDriver.header(1, type, headersBytes(), size, transport(), sumOffset());
    }

    /** Whether this is the packet with its sums, all of them right. */
    void assertSummed(byte[] got, String as) {
        assertThat(got).as(as).hasSameSizeAs(frame);
        assertSums(got, as);
        var same = got.clone();
        same[sumAt()] = frame[sumAt()];
        same[sumAt() + 1] = frame[sumAt() + 1];
        assertThat(same).as(as).isEqualTo(frame);
    }

    private void assertSums(byte[] got, String as) {
        if (!ipv6) {
            assertThat(sum(got, ip(), transport() - ip(), 0)).as(as).isEqualTo(0xffff);
        }
        int all = sum(got, transport(), got.length - transport(), pseudoSum(got));
        assertThat(all).as(as).isEqualTo(0xffff);
    }

    /** Whether this is a segment of the packet, from a byte of its payload on. */
    void assertSegment(byte[] got, int from, int number, boolean last, boolean summed, String as) {
        var bytes = ByteBuffer.wrap(got);
        var whole = ByteBuffer.wrap(frame);
        int part = got.length - headersBytes();
        for (int i = 0; i < part; i++) {
            assertThat(got[headersBytes() + i]).isEqualTo(frame[headersBytes() + from + i]);
        }
        if (summed) {
            assertSums(got, as);
        } else {
            assertThat(bytes.getShort(sumAt())).as(as).isEqualTo((short) pseudoSum(got));
        }
        if (ipv6) {
            assertThat(bytes.getShort(ip() + 4) & 0xffff).isEqualTo(got.length - transport());
        } else {
            assertThat(bytes.getShort(ip() + 2) & 0xffff).isEqualTo(got.length - ip());
            int id = whole.getShort(ip() + 4) + number;
            assertThat(bytes.getShort(ip() + 4)).as(as).isEqualTo((short) id);
        }
        if (protocol == UDP) {
            assertThat(bytes.getShort(transport() + 4) & 0xffff)
                    .isEqualTo(got.length - transport());
            return;
        }
        assertThat(bytes.getInt(transport() + 4)).isEqualTo(whole.getInt(transport() + 4) + from);
        int expected = frame[transport() + 13] & 0xff;
        expected &= last ? 0xff : ~0x09;
        expected &= number == 0 ? 0xff : ~0x80;
        assertThat(got[transport() + 13] & 0xff).as(as).isEqualTo(expected & 0xff);
    }

    private static int sum(byte[] bytes, int from, int length, int before) {
        int sum = before;
        for (int i = 0; i < length; i++) {
            sum += (bytes[from + i] & 0xff) << (i % 2 == 0 ? 8 : 0);
        }
        return fold(sum);
    }

    private static int fold(int sum) {
        int folded = (sum & 0xffff) + (sum >>> 16);
        return (folded & 0xffff) + (folded >>> 16);
    }
}
