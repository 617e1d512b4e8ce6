package dev.outboard.perf.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class FrameTemplateTest {
    private static final byte[] TO = {2, 0, 0, 0, 0, 2};
    private static final byte[] FROM = {2, 0, 0, 0, 0, 1};

    /** The sum of RFC 1071, word by word. */
    private static int sum(byte[] frame, int from, int end, int before) {
        long total = before;
        for (int at = from; at < end; at += 2) {
            int low = at + 1 < end ? frame[at + 1] & 0xff : 0;
            total += (frame[at] & 0xff) << 8 | low;
        }
        while (total >>> 16 != 0) {
            total = (total & 0xffff) + (total >>> 16);
        }
        return (int) total;
    }

    private static int datagramSum(byte[] frame) {
        int pseudo = sum(frame, 26, 34, 17 + frame.length - 34);
        return sum(frame, 34, frame.length, pseudo);
    }

    @Test
    void shouldWriteFramesWhoseSumsAreRightWhateverTheyCount() {
        long seed = System.nanoTime();
        var random = new SplittableRandom(seed);
        for (int round = 0; round < 2000; round++) {
            int bytes = random.nextInt(TrafficDescriptor.LEAST_BYTES, 1515);
            var template = new FrameTemplate(bytes, TO, FROM, random.nextInt(1 << 16));
            var frame = new byte[bytes];
            random.nextBytes(frame);
            var memory = MemorySegment.ofArray(frame);
            template.write(memory, 0);
            for (int i = 0; i < 3; i++) {
                int flow = random.nextInt(TrafficDescriptor.MOST_FLOWS);
                template.number(memory, 0, flow, random.nextLong(), random.nextLong());
                assertThat(sum(frame, 14, 34, 0)).as("IPv4, seed " + seed).isEqualTo(0xffff);
                assertThat(datagramSum(frame)).as("UDP, seed " + seed).isEqualTo(0xffff);
                assertThat(frame[40] | frame[41]).as("a sum is there").isNotZero();
                assertThat(Sink.isOurs(memory, 0, bytes)).isTrue();
            }
        }
    }

    @Test
    void shouldSayWhatItIsInEveryHeader() {
        var frame = ByteBuffer.allocate(100);
        var template = new FrameTemplate(100, TO, FROM, 0x1234);
        template.write(MemorySegment.ofBuffer(frame), 0);
        template.number(MemorySegment.ofBuffer(frame), 0, 5, 77, 88);
        assertThat(frame.getShort(12)).isEqualTo((short) 0x0800);
        assertThat(frame.getShort(16)).as("IPv4's length").isEqualTo((short) 86);
        assertThat(frame.getShort(34)).as("from port").isEqualTo((short) 9005);
        assertThat(frame.getShort(38)).as("UDP's length").isEqualTo((short) 66);
        assertThat(frame.getLong(46)).isEqualTo(77);
        assertThat(frame.getLong(54)).isEqualTo(88);
        assertThat(frame.getShort(62)).isEqualTo((short) 0x1234);
    }

    @Test
    void shouldNotTakeAnotherFrameForItsOwn() {
        var frame = new byte[64];
        var memory = MemorySegment.ofArray(frame);
        var template = new FrameTemplate(64, TO, FROM, 1);
        template.write(memory, 0);
        assertThat(Sink.isOurs(memory, 0, 64)).isTrue();
        assertThat(Sink.isOurs(memory, 0, 63)).as("too short").isFalse();
        for (int at : new int[] {12, 23, 42, 45}) {
            template.write(memory, 0);
            frame[at] ^= 1;
            assertThat(Sink.isOurs(memory, 0, 64)).as("byte " + at + " differs").isFalse();
        }
    }
}
