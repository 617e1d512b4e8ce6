package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Long-format entries against bytes written out by hand, sets that are full, and what is broken.
 */
final class VhptTableTest {
    private static final int ENTRIES = 512;
    private static final long SET_5 = 4096 + 5 * 128;

    private final Arena arena = Arena.ofConfined();
    private final TableFormat format = VhptFormat.INSTANCE;
    private final MemorySegment memory = arena.allocate(format.tableBytes(ENTRIES), IoPage.BYTES);
    private final PageTable table = format.create(memory, ENTRIES);
    private final PageTable walker = format.open(memory.asReadOnly(), ENTRIES);

    @AfterEach
    void free() {
        arena.close();
    }

    private String at(long offset) {
        byte[] bytes = new byte[Long.BYTES];
        MemorySegment.copy(memory, offset, MemorySegment.ofArray(bytes), 0, bytes.length);
        return HexFormat.of().formatHex(bytes);
    }

    private void put(long offset, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, memory, offset, bytes.length);
    }

    @Test
    void shouldLayOutEntriesAsTheArchitectureDoes() {
        table.map(5, 0xabc, 1, Access.READ);
        assertThat(at(SET_5)).isEqualTo("a1c1ab0000000000");
        assertThat(at(SET_5 + 8)).isEqualTo("3000000000000000");
        assertThat(at(SET_5 + 16)).isEqualTo("0500000000060000");
        assertThat(at(SET_5 + 24)).isEqualTo("0200000000000000");
        table.clear(5, 1);
        assertThat(at(SET_5 + 16)).isEqualTo("0500000000060080");
        table.map(5, 0xabc, 1, Access.READ_WRITE);
        assertThat(at(SET_5)).isEqualTo("e1c5ab0000000000");
        assertThat(at(SET_5 + 24)).isEqualTo("0400000000000000");
        table.clear(5, 1);
        table.map(5, 0x3fffffffffL, 1, Access.WRITE);
        assertThat(at(SET_5)).isEqualTo("e1f5ffffffff2300");
        assertThat(at(0)).isEqualTo("0000000000000000");
    }

    @Test
    void shouldLayOutLargerPagesWithTheirSize() {
        table.map(16, 0x120, 16, Access.READ);
        assertThat(at(0)).isEqualTo("1000000000000000");
        // Page number 1 of 64 KiB, region 16: set 1 ^ (4 * 37 & 127).
        long entry = 4096 + (1 ^ 4 * 37 & 127) * 128;
        assertThat(at(entry)).isEqualTo("a101120000000000");
        assertThat(at(entry + 8)).isEqualTo("4000000000000000");
        assertThat(at(entry + 16)).isEqualTo("0100000000080000");
        assertThat(walker.walk(31)).isEqualTo(Translation.of(0x12f, 4, Access.READ));
        assertThat(walker.walk(15)).isEqualTo(Translation.NONE);
        assertThat(walker.walk(32)).isEqualTo(Translation.NONE);
    }

    @Test
    void shouldReadEntriesThatOthersWrote() {
        put(SET_5 + 8, "3000000000000000");
        put(SET_5 + 16, "0500000000060000");
        int[] rights = {
            Access.READ,
            Access.READ,
            Access.READ_WRITE,
            Access.READ_WRITE,
            Access.READ,
            Access.READ,
            Access.READ_WRITE,
            Access.NONE
        };
        for (int kind = 0; kind < 8; kind++) {
            long entry = 0xabc000 | kind << 9 | 0x1e1;
            assertThat(VhptFormat.access(entry)).as("ar=%d", kind).isEqualTo(rights[kind]);
            assertThat(VhptFormat.access(entry & ~0x40))
                    .as("not dirty, ar=%d", kind)
                    .isEqualTo(rights[kind] & Access.READ);
            assertThat(VhptFormat.access(entry & ~0x20)).as("not accessed").isZero();
            assertThat(VhptFormat.access(entry & ~0x80)).as("privileged").isZero();
            assertThat(VhptFormat.access(entry & ~1)).as("not present").isZero();
        }
        put(SET_5, "e1c5ab0000000000");
        assertThat(walker.walk(5)).isEqualTo(Translation.of(0xabc, 0, Access.READ_WRITE));
        put(SET_5, "e1c5ab0000001000");
        assertThat(walker.walk(5)).isEqualTo(Translation.of(0xabc, 0, Access.READ_WRITE));
        put(SET_5, "e1c5ab0000002000");
        assertThat(walker.walk(5)).isEqualTo(Translation.of(0xabc, 0, Access.WRITE));
    }

    @Test
    void shouldFindNothingInBrokenEntries() {
        table.map(5, 0xabc, 1, Access.READ);
        String version = at(SET_5 + 24);
        put(SET_5 + 24, "0300000000000000");
        assertThat(walker.walk(5)).as("being written").isEqualTo(Translation.NONE);
        put(SET_5 + 24, version);
        put(SET_5 + 8, "4000000000000000");
        assertThat(walker.walk(5)).as("another page size").isEqualTo(Translation.NONE);
        put(SET_5 + 8, "3000000000000000");
        put(SET_5 + 16, "0500000000060080");
        assertThat(walker.walk(5)).as("invalid tag").isEqualTo(Translation.NONE);
        put(SET_5 + 16, "0500000000060000");
        assertThat(walker.walk(5)).isNotEqualTo(Translation.NONE);
    }

    @Test
    void shouldFindRoomWhenASetIsFull() {
        // All in set 5; the last are of 8 KiB and of 16 KiB.
        long[] pages = {5, 128 + 4, 256 + 7, 384 + 6, 2 * (5 ^ 37), 4 * (5 ^ 74)};
        int[] orders = {0, 0, 0, 0, 1, 2};
        for (int index = 0; index < pages.length; index++) {
            int order = orders[index];
            table.map(pages[index], pages[index] + 4096, 1L << order, Access.READ);
        }
        long own = 4096 + ENTRIES * 32L;
        assertThat(at(own + pages[4] * 32 + 16)).isEqualTo("2000000080060000");
        for (int removed = 0; removed < pages.length; removed++) {
            for (int index = 0; index < pages.length; index++) {
                assertThat(walker.walk(pages[index]))
                        .isEqualTo(Translation.of(pages[index] + 4096, orders[index], Access.READ));
                long last = pages[index] + (1L << orders[index]) - 1;
                assertThat(walker.walk(last))
                        .isEqualTo(Translation.of(last + 4096, orders[index], Access.READ));
            }
            table.clear(pages[removed], 1L << orders[removed]);
            assertThat(walker.walk(pages[removed])).isEqualTo(Translation.NONE);
            table.map(pages[removed], pages[removed] + 4096, 1L << orders[removed], Access.READ);
        }
    }

    @Test
    void shouldHoldEveryPageAtOnce() {
        for (long page = 0; page < ENTRIES; page++) {
            table.map(page, ENTRIES - page, 1, Access.READ_WRITE);
        }
        for (long page = 0; page < ENTRIES; page++) {
            assertThat(walker.walk(page))
                    .isEqualTo(Translation.of(ENTRIES - page, 0, Access.READ_WRITE));
        }
        table.clear(0, ENTRIES);
        for (long page = 0; page < ENTRIES; page++) {
            assertThat(walker.walk(page)).isEqualTo(Translation.NONE);
        }
    }

    @Test
    void shouldTakeTheLargestPageThatFits() {
        assertThat(VhptFormat.orderWithin(0)).isZero();
        assertThat(VhptFormat.orderWithin(3)).isEqualTo(2);
        assertThat(VhptFormat.orderWithin(4)).isEqualTo(4);
        assertThat(VhptFormat.orderWithin(15)).isEqualTo(14);
        assertThat(VhptFormat.orderWithin(16)).isEqualTo(16);
        assertThat(VhptFormat.orderWithin(63)).isEqualTo(16);
    }

    @Test
    void shouldRefuseSizesThatItDoesNotHave() {
        assertThat(format.isTableSize(512)).isTrue();
        assertThat(format.isTableSize(1 << 22)).isTrue();
        assertThat(format.isTableSize(256)).isFalse();
        assertThat(format.isTableSize(513)).isFalse();
        assertThat(format.isTableSize(1 << 23)).isFalse();
        assertThatThrownBy(() -> format.create(memory, 1024))
                .hasMessageContaining("1024 vhpt entries take 69632");
    }
}
