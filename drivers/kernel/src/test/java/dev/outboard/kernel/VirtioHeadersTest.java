package dev.outboard.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.uio.net.VirtioHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What stands before a frame, and what is made of it. */
class VirtioHeadersTest {
    private static final int START = 34;
    private static final int OFFSET = 100;
    private static final int FRAME_BYTES = 1514;

    private final MemorySegment header = Arena.ofAuto().allocate(VirtioHeader.SIZE_BYTES);
    private final MemorySegment frame = Arena.ofAuto().allocate(2048);

    private void tcpHeaderBytes(int bytes) {
        frame.set(ValueLayout.JAVA_BYTE, OFFSET + START + 12, (byte) (bytes / 4 << 4));
    }

    private void put(int flags, int type, int size, int start, int offset) {
        header.fill((byte) 0);
        header.set(ValueLayout.JAVA_BYTE, 0, (byte) flags);
        header.set(ValueLayout.JAVA_BYTE, 1, (byte) type);
        putShort(2, 0x7777);
        putShort(4, size);
        putShort(6, start);
        putShort(8, offset);
    }

    private void putShort(int at, int value) {
        header.set(ValueLayout.JAVA_BYTE, at, (byte) value);
        header.set(ValueLayout.JAVA_BYTE, at + 1, (byte) (value >>> 8));
    }

    private long read() {
        return VirtioHeaders.offload(header, frame, OFFSET, FRAME_BYTES);
    }

    @Test
    void shouldReadWhatIsLeftToTheDevice() {
        put(0, VirtioHeader.GSO_NONE, 0, 0, 0);
        assertThat(read()).isEqualTo(FrameOffload.NONE);
        put(VirtioHeader.NEEDS_SUM, VirtioHeader.GSO_NONE, 0, START, 6);
        assertThat(read()).isEqualTo(FrameOffload.checksum(START, 6));
        tcpHeaderBytes(32);
        put(VirtioHeader.NEEDS_SUM, VirtioHeader.GSO_TCP_IPV4, 1448, START, 16);
        assertThat(read()).isEqualTo(FrameOffload.segments(START, START + 32, 1448, false));
        put(VirtioHeader.NEEDS_SUM, VirtioHeader.GSO_TCP_IPV6, 1428, START, 16);
        assertThat(read()).isEqualTo(FrameOffload.segments(START, START + 32, 1428, true));
    }

    @ParameterizedTest
    @CsvSource({
        // segments without a sum; of UDP; of no kind; of no size
        "0, 1, 1448, 34, 16, 20",
        "1, 5, 1448, 34, 6, 20",
        "1, 9, 1448, 34, 16, 20",
        "1, 1, 0, 34, 16, 20",
        // a sum in the Ethernet header, over the end; a TCP header too short, over the end
        "1, 0, 0, 13, 6, 20",
        "1, 0, 0, 1510, 4, 20",
        "1, 0, 0, 34, 65535, 20",
        "1, 1, 1448, 34, 16, 16",
        "1, 1, 1448, 1490, 16, 60",
        "1, 1, 1448, 1500, 4, 20",
    })
    void shouldKnowWhatItCannotRead(
            int flags, int type, int size, int start, int offset, int tcpBytes) {
        frame.set(ValueLayout.JAVA_BYTE, OFFSET + start + 12, (byte) (tcpBytes / 4 << 4));
        put(flags, type, size, start, offset);
        assertThat(read()).isEqualTo(VirtioHeaders.UNKNOWN);
    }

    @Test
    void shouldTellTheKernelWhatTheDeviceFound() {
        header.fill((byte) 0x5a);
        VirtioHeaders.put(header, FrameOffload.NONE, FrameFacts.CHECKSUM_GOOD);
        assertThat(header.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) VirtioHeader.SUM_VALID);
        assertThat(header.asSlice(1).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        VirtioHeaders.put(header, FrameOffload.NONE, FrameFacts.CHECKSUM_WRONG);
        assertThat(header.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    }

    @Test
    void shouldReadWhatItWrote() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int i = 0; i < 100_000; i++) {
            long offload = random(random);
            header.fill((byte) random.nextInt());
            VirtioHeaders.put(header, offload, 0);
            if (FrameOffload.mssBytes(offload) != 0) {
                int start = FrameOffload.startBytes(offload);
                int tcpBytes = FrameOffload.headersBytes(offload) - start;
                frame.set(ValueLayout.JAVA_BYTE, OFFSET + start + 12, (byte) (tcpBytes / 4 << 4));
            }
            assertThat(read()).as("seed %d, turn %d", seed, i).isEqualTo(offload);
        }
    }

    private static long random(Random random) {
        int start = 14 + random.nextInt(200);
        return switch (random.nextInt(3)) {
            case 0 -> FrameOffload.NONE;
            case 1 -> FrameOffload.checksum(start, random.nextInt(40));
            default ->
                    FrameOffload.segments(
                            start,
                            start + 4 * (5 + random.nextInt(11)),
                            1 + random.nextInt(65_535),
                            random.nextBoolean());
        };
    }

    @Test
    void shouldNeverReadBeyondAFrameWhateverTheHeader() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var bytes = new byte[VirtioHeader.SIZE_BYTES];
        for (int i = 0; i < 200_000; i++) {
            random.nextBytes(bytes);
            if (random.nextBoolean()) {
                bytes[0] = 1;
                bytes[1] = (byte) (random.nextBoolean() ? 1 : 4);
                bytes[7] = 0;
            }
            MemorySegment.copy(bytes, 0, header, ValueLayout.JAVA_BYTE, 0, bytes.length);
            int length = 14 + random.nextInt(1500);
            long offload = VirtioHeaders.offload(header, frame.asSlice(0, length), 0, length);
            if (offload != VirtioHeaders.UNKNOWN && offload != FrameOffload.NONE) {
                int end = FrameOffload.startBytes(offload) + FrameOffload.offsetBytes(offload) + 2;
                assertThat(Math.max(end, FrameOffload.headersBytes(offload)))
                        .as("seed %d, turn %d", seed, i)
                        .isLessThanOrEqualTo(length);
            }
        }
    }
}
