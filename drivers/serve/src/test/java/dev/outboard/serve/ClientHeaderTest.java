package dev.outboard.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ClientHeaderTest {
    private static final long ALL =
            VirtioFeatures.NET_CSUM
                    | VirtioFeatures.NET_HOST_TSO4
                    | VirtioFeatures.NET_HOST_TSO6
                    | VirtioFeatures.NET_GUEST_CSUM;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int TCP_AT = 34;

    private final ClientHeader header = new ClientHeader();
    private final MemorySegment frame = Arena.ofAuto().allocate(4000);
    private final Pieces pieces = new Pieces(4);

    private long offload(int flags, int kind, int mss, int start, int offset, long features) {
        header.bytes.fill((byte) 0);
        header.bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) flags);
        header.bytes.set(ValueLayout.JAVA_BYTE, 1, (byte) kind);
        header.bytes.set(SHORT, 4, (short) mss);
        header.bytes.set(SHORT, 6, (short) start);
        header.bytes.set(SHORT, 8, (short) offset);
        return header.offload(pieces, features);
    }

    /** A frame in two pieces, with TCP's header of so many words across their border. */
    private void tcp(int words) {
        frame.set(ValueLayout.JAVA_BYTE, TCP_AT + 12, (byte) (words << 4));
        pieces.clear();
        pieces.add(frame, 0, 40);
        pieces.add(frame, 40, 2960);
    }

    @Test
    void shouldLeaveNothingToDoWhereNothingIsAsked() {
        tcp(5);
        assertThat(offload(0, 0, 0, 0, 0, 0)).isEqualTo(FrameOffload.NONE);
    }

    @Test
    void shouldLookAtTheFrameForTheLengthOfItsHeaders() {
        tcp(8);
        assertThat(offload(1, 1, 1448, TCP_AT, 16, ALL))
                .isEqualTo(FrameOffload.segments(TCP_AT, TCP_AT + 32, 1448, false));
        assertThat(offload(1, 4 | 0x80, 1400, TCP_AT, 16, ALL))
                .isEqualTo(FrameOffload.segments(TCP_AT, TCP_AT + 32, 1400, true));
        assertThat(offload(1, 0, 0, TCP_AT, 6, ALL)).isEqualTo(FrameOffload.checksum(TCP_AT, 6));
    }

    @Test
    void shouldRefuseWhatWasNotNegotiatedOrIsOutsideTheFrame() {
        tcp(5);
        long[] nonsense = {
            offload(1, 0, 0, TCP_AT, 16, 0),
            offload(1, 1, 1448, TCP_AT, 16, VirtioFeatures.NET_CSUM),
            offload(0, 1, 1448, TCP_AT, 16, ALL),
            offload(1, 1, 0, TCP_AT, 16, ALL),
            offload(1, 3, 1448, TCP_AT, 16, ALL),
            offload(1, 1, 1448, TCP_AT, 6, ALL),
            offload(1, 0, 0, 13, 16, ALL),
            offload(1, 0, 0, 2999, 0, ALL),
            offload(1, 0, 0, 0xffff, 0xffff, ALL),
            offload(1, 1, 1448, 2990, 8, ALL),
        };
        assertThat(nonsense).containsOnly(ClientHeader.NONSENSE);
        tcp(4);
        assertThat(offload(1, 1, 1448, TCP_AT, 16, ALL)).isEqualTo(ClientHeader.NONSENSE);
    }

    @Test
    void shouldNeverNameABytePastTheFrameWhateverTheClientWrites() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        var random = new Random(seed);
        var noise = new byte[ClientHeader.BYTES];
        for (int i = 0; i < 300_000; i++) {
            random.nextBytes(noise);
            noise[0] = (byte) random.nextInt(4);
            noise[1] = (byte) (random.nextInt(6) | random.nextInt(2) << 7);
            if (random.nextBoolean()) {
                noise[7] = 0;
                noise[8] = 16;
                noise[9] = 0;
            }
            MemorySegment.copy(noise, 0, header.bytes, ValueLayout.JAVA_BYTE, 0, noise.length);
            frame.set(ValueLayout.JAVA_BYTE, random.nextInt(300), (byte) random.nextInt());
            pieces.clear();
            int length = 14 + random.nextInt(400);
            int first = 1 + random.nextInt(length - 1);
            pieces.add(frame, 0, first);
            pieces.add(frame, first, length - first);
            long offload = header.offload(pieces, ALL);
            if (offload != ClientHeader.NONSENSE && offload != FrameOffload.NONE) {
                int end = FrameOffload.startBytes(offload) + FrameOffload.offsetBytes(offload);
                assertThat(end + 2).as("seed %d", seed).isLessThanOrEqualTo(length);
                assertThat(FrameOffload.headersBytes(offload)).isLessThan(length);
            }
        }
    }

    @Test
    void shouldTellTheClientWhatItReads() {
        header.write(FrameOffload.NONE, FrameFacts.CHECKSUM_GOOD, ALL, 1);
        assertThat(header.bytes.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 2);
        assertThat(header.bytes.get(SHORT, 10)).isEqualTo((short) 1);
        header.write(FrameOffload.NONE, FrameFacts.CHECKSUM_GOOD, 0, 3);
        assertThat(header.bytes.get(ValueLayout.JAVA_BYTE, 0)).isZero();
        assertThat(header.bytes.get(SHORT, 10)).isEqualTo((short) 3);
        header.write(FrameOffload.checksum(34, 16), FrameFacts.NONE, ALL, 1);
        assertThat(header.bytes.get(SHORT, 6)).isEqualTo((short) 34);
        assertThat(header.bytes.get(SHORT, 8)).isEqualTo((short) 16);
    }

    @Test
    void shouldSumAFrameInOddPiecesAsInOne() {
        var random = new Random(5);
        byte[] bytes = new byte[201];
        random.nextBytes(bytes);
        bytes[36] = 0;
        bytes[37] = 0;
        MemorySegment.copy(bytes, 0, frame, ValueLayout.JAVA_BYTE, 0, bytes.length);
        pieces.clear();
        pieces.add(frame, 0, 201);
        assertThat(Sums.finish(pieces, FrameOffload.checksum(20, 16))).isTrue();
        short whole = frame.get(SHORT, 36);
        frame.set(SHORT, 36, (short) 0);
        pieces.clear();
        pieces.add(frame, 0, 51);
        pieces.add(frame, 51, 33);
        pieces.add(frame, 84, 117);
        assertThat(Sums.finish(pieces, FrameOffload.checksum(20, 16))).isTrue();
        assertThat(frame.get(SHORT, 36)).isEqualTo(whole);
        pieces.clear();
        pieces.add(frame, 0, 37);
        pieces.add(frame, 37, 100);
        assertThatCode(
                        () ->
                                assertThat(Sums.finish(pieces, FrameOffload.checksum(20, 16)))
                                        .as("the sum's place is in two pieces")
                                        .isFalse())
                .doesNotThrowAnyException();
    }
}
