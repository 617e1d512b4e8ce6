package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tables whose owner means harm: whatever is in the memory, a walk ends, stays within it, and says
 * nothing or a physical address. A walk outside the memory would throw here.
 */
final class HostileTableTest {
    private static final int ENTRIES = 8192;

    static List<String> titles() {
        return TestTables.titles();
    }

    @ParameterizedTest
    @MethodSource("titles")
    void shouldWalkAnything(String title) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        TableFormat format = TableFormat.ofTitle(title);
        try (Arena arena = Arena.ofShared()) {
            TestTables.Pair pair = TestTables.create(format, ENTRIES, arena);
            for (int round = 0; round < 12; round++) {
                fill(pair.memory(), random, round);
                String where = "%s seed=%d round=%d".formatted(title, seed, round);
                Assertions.assertTimeoutPreemptively(
                        Duration.ofSeconds(60), () -> walkAll(pair.walker(), where), where);
            }
        }
    }

    /** Words of every kind: any, nearly valid in either byte order, and all the same. */
    private static void fill(MemorySegment memory, Random random, int round) {
        ByteOrder order = round % 2 == 0 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        ValueLayout.OfLong word = ValueLayout.JAVA_LONG.withOrder(order);
        long same = plausible(memory, random);
        for (long offset = 0; offset < memory.byteSize(); offset += Long.BYTES) {
            long value =
                    switch (round / 2 % 3) {
                        case 0 -> random.nextLong();
                        case 1 -> plausible(memory, random);
                        default -> same;
                    };
            memory.set(word, offset, value);
        }
    }

    /** An address in or near the memory, with the bits that make entries valid. */
    private static long plausible(MemorySegment memory, Random random) {
        long address = (random.nextLong() & Long.MAX_VALUE) % (memory.byteSize() + 16384) & -4096L;
        long frames = random.nextInt(4) == 0 ? random.nextLong() & -4096L : address;
        long rights = 3 | random.nextInt(8) << 9 | random.nextInt(2) << 7;
        return frames | rights | (random.nextInt(3) == 0 ? 3L << 61 : 0);
    }

    private static void walkAll(PageTable table, String where) {
        long granule = 1L << table.format().granuleShift();
        check(table, -1, where);
        check(table, Long.MIN_VALUE, where);
        check(table, table.pages(), where);
        for (long page = 0; page < table.pages(); page += granule) {
            check(table, page, where);
            check(table, page + granule - 1, where);
        }
    }

    private static void check(PageTable table, long page, String where) {
        TableFormat format = table.format();
        long found = table.walk(page);
        boolean isInTable = page >= 0 && page < table.pages();
        long pageFrame = Translation.pageFrame(found);
        int order = Translation.order(found);
        boolean isPlausible =
                isInTable
                        && Translation.access(found) != Access.NONE
                        && pageFrame <= format.maxPageFrame()
                        && Translation.physicalAddress(found, page << IoPage.SHIFT) >= 0
                        && order >= format.granuleShift()
                        && order <= 53
                        && (pageFrame & (1L << order) - 1) == (page & (1L << order) - 1);
        assertThat(found == Translation.NONE || isPlausible)
                .as("%s page=0x%x found=0x%x", where, page, found)
                .isTrue();
    }
}
