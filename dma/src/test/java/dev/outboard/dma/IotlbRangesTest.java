package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class IotlbRangesTest {
    /** What the model knows of one byte of IOVA. */
    private record Byte(int region, long offset, int access) {}

    private final IotlbRanges ranges = new IotlbRanges(4, new Random(1));

    private Byte at(long iova) {
        int entry = ranges.find(iova);
        return entry == IotlbRanges.NONE
                ? null
                : new Byte(ranges.region(entry), ranges.offset(entry, iova), ranges.access(entry));
    }

    @Test
    void shouldKnowNothingAtFirst() {
        assertThat(at(0)).isNull();
        assertThat(at(-1)).isNull();
        assertThat(ranges.drop(0, -1)).isFalse();
    }

    @Test
    void shouldHoldRangesAtBothEndsOfTheAddresses() {
        ranges.put(0, 1, 1, 5, 1);
        ranges.put(-4096, 4095, 2, 0, 2);
        assertThat(at(0)).isEqualTo(new Byte(1, 5, 1));
        assertThat(at(1)).isNull();
        assertThat(at(-4096)).isEqualTo(new Byte(2, 0, 2));
        assertThat(at(-2)).isEqualTo(new Byte(2, 4094, 2));
        assertThat(at(-1)).isNull();
        assertThat(ranges.drop(Long.MIN_VALUE, -1)).isTrue();
        assertThat(at(-2)).isNull();
        assertThat(at(0)).isNotNull();
    }

    @Test
    void shouldTellHowFarARangeGoes() {
        ranges.put(0x1000, 0x3000, 0, 0x100, 3);
        int entry = ranges.find(0x1fff);
        assertThat(ranges.lengthFrom(entry, 0x1fff)).isEqualTo(0x2001);
    }

    @Test
    void shouldLetGoOfTheFirstPartOfAHoledRangeWhenFull() {
        ranges.put(0x10000, 0x3000, 0, 0, 3);
        for (int i = 0; i < 3; i++) {
            ranges.put(i * 0x1000L, 0x1000, 1, 0, 3);
        }
        assertThat(ranges.drop(0x11000, 0x11fff)).isTrue();
        assertThat(at(0x11800)).isNull();
        assertThat(at(0x10800)).isNull();
        assertThat(at(0x12800)).isEqualTo(new Byte(0, 0x2800, 3));
        assertThat(ranges.count()).isEqualTo(4);
        assertThat(ranges.evictions()).isOne();
    }

    @Test
    void shouldNeverKnowMoreThanItHasRoomFor() {
        for (int i = 0; i < 1000; i++) {
            ranges.put(i * 0x2000L, 0x1000, 0, 0, 3);
            assertThat(at(i * 0x2000L)).as("the newest stays").isNotNull();
            assertThat(ranges.count()).isLessThanOrEqualTo(4);
        }
        assertThat(ranges.evictions()).isEqualTo(996);
    }

    @Test
    void shouldRefuseACapacityThatItsHintsCannotName() {
        assertThatThrownBy(() -> new IotlbRanges(1, new Random(1)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new IotlbRanges(32768, new Random(1)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** With room enough: exactly what a byte-wise model knows. Without: part of it, never else. */
    @ParameterizedTest
    @ValueSource(ints = {8, 256})
    void shouldKnowWhatAModelKnows(int capacity) {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var tried = new IotlbRanges(capacity, random);
        var model = new TreeMap<Long, Byte>();
        for (int step = 0; step < 3000; step++) {
            // In pages, of one of which hints are shared, around both ends of the signed numbers.
            long base = random.nextBoolean() ? Long.MAX_VALUE - 40_000 : 0;
            long first = base + random.nextInt(80_000);
            long length = 1 + random.nextInt(random.nextBoolean() ? 200 : 9000);
            boolean full = false;
            if (random.nextInt(3) > 0) {
                int region = random.nextInt(4);
                int access = 1 + random.nextInt(3);
                tried.put(first, length, region, step, access);
                forget(model, first, length);
                model.put(first, new Byte(region, step, access));
                split(model, first, length);
            } else if (random.nextInt(20) == 0) {
                int region = random.nextInt(4);
                boolean any = tried.dropRegion(region);
                boolean known = model.values().removeIf(at -> at.region() == region);
                assertThat(any && !known).as("seed=" + seed).isFalse();
                assertThat(capacity == 8 || any == known).as("seed=" + seed).isTrue();
            } else {
                boolean any = tried.drop(first, first + length - 1);
                boolean known = forget(model, first, length);
                full = capacity == 8;
                assertThat(any && !known).as("seed=" + seed).isFalse();
                assertThat(full || any == known).as("seed=" + seed).isTrue();
            }
            assertThat(tried.count()).isLessThanOrEqualTo(capacity);
            probe(tried, model, base, random, capacity, seed);
        }
    }

    /** The model keeps bytes; only those at random places are looked at. */
    private static void split(Map<Long, Byte> model, long first, long length) {
        Byte at = model.get(first);
        for (long i = 1; i < length; i++) {
            model.put(first + i, new Byte(at.region(), at.offset() + i, at.access()));
        }
    }

    private static boolean forget(Map<Long, Byte> model, long first, long length) {
        boolean any = false;
        for (long i = 0; i < length; i++) {
            any |= model.remove(first + i) != null;
        }
        return any;
    }

    private static void probe(
            IotlbRanges tried,
            Map<Long, Byte> model,
            long base,
            Random random,
            int capacity,
            long seed) {
        for (int i = 0; i < 20; i++) {
            long iova = base + random.nextInt(90_000);
            int entry = tried.find(iova);
            Byte known = model.get(iova);
            if (entry == IotlbRanges.NONE) {
                assertThat(capacity == 8 || known == null).as("seed=" + seed).isTrue();
            } else {
                assertThat(
                                new Byte(
                                        tried.region(entry),
                                        tried.offset(entry, iova),
                                        tried.access(entry)))
                        .as("seed=" + seed)
                        .isEqualTo(known);
            }
        }
    }
}
