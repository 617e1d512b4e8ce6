package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * PAPR, VT-d and AMD layouts against bytes written out by hand from the specifications, in both
 * directions: what a table puts into memory, and what a walk makes of memory that others wrote.
 */
final class RadixFormatTest {
    private final Arena arena = Arena.ofConfined();
    private MemorySegment memory;

    @AfterEach
    void free() {
        arena.close();
    }

    private PageTable create(String title, int entries) {
        TableFormat format = TableFormat.ofTitle(title);
        memory = arena.allocate(format.tableBytes(entries), IoPage.BYTES);
        return format.create(memory, entries);
    }

    /** A table in memory that is zero, to be written by hand. */
    private PageTable open(String title, int entries) {
        TableFormat format = TableFormat.ofTitle(title);
        memory = arena.allocate(format.tableBytes(entries), IoPage.BYTES);
        return format.open(memory.asReadOnly(), entries);
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
    void shouldLayOutPaprEntriesAsTheArchitectureDoes() {
        PageTable table = create("papr", 512);
        assertThat(memory.byteSize()).isEqualTo(4096);
        table.map(1, 0xabcdef012345L, 1, Access.READ);
        table.map(2, 0xabcdef012345L, 1, Access.WRITE);
        table.map(511, 1, 1, Access.READ_WRITE);
        assertThat(at(0)).isEqualTo("0000000000000000");
        assertThat(at(8)).isEqualTo("0abcdef012345001");
        assertThat(at(16)).isEqualTo("0abcdef012345002");
        assertThat(at(511 * 8)).isEqualTo("0000000000001003");
        table.clear(1, 1);
        assertThat(at(8)).isEqualTo("0000000000000000");
    }

    @Test
    void shouldReadPaprEntriesThatOthersWrote() {
        PageTable table = open("papr", 512);
        put(8, "0abcdef012345fff");
        put(16, "f000000000001002");
        put(24, "0fffffffffffffac");
        assertThat(table.walk(1)).isEqualTo(Translation.of(0xabcdef012345L, 0, Access.READ_WRITE));
        assertThat(table.walk(2)).isEqualTo(Translation.of(1, 0, Access.WRITE));
        assertThat(table.walk(3)).isEqualTo(Translation.NONE);
        assertThat(table.walk(4)).isEqualTo(Translation.NONE);
        assertThat(table.walk(512)).isEqualTo(Translation.NONE);
        assertThat(table.walk(-1)).isEqualTo(Translation.NONE);
    }

    @Test
    void shouldTranslateEveryPageOfALargePaprPage() {
        PageTable table = create("papr-64k", 512);
        assertThat(table.pages()).isEqualTo(8192);
        table.map(32, 0x120, 16, Access.READ);
        assertThat(at(16)).isEqualTo("0000000000120001");
        assertThat(table.walk(31)).isEqualTo(Translation.NONE);
        assertThat(table.walk(32)).isEqualTo(Translation.of(0x120, 4, Access.READ));
        assertThat(table.walk(47)).isEqualTo(Translation.of(0x12f, 4, Access.READ));
        assertThat(table.walk(48)).isEqualTo(Translation.NONE);
        // The low bits of a large page's number are not part of its address.
        put(16, "000000000012f001");
        assertThat(table.walk(33)).isEqualTo(Translation.of(0x121, 4, Access.READ));
    }

    @Test
    void shouldRefuseRunsThatAreNoWholeLargePages() {
        for (String title : new String[] {"papr-64k", "papr-2m", "papr-16m", "papr-64k:3"}) {
            PageTable table = create(title, 512);
            long granule = 1L << table.format().granuleShift();
            assertThatThrownBy(() -> table.map(granule / 2, 0, granule, Access.READ))
                    .hasMessageContaining("not aligned");
            assertThatThrownBy(() -> table.map(0, granule / 2, granule, Access.READ))
                    .hasMessageContaining("not aligned");
            assertThatThrownBy(() -> table.map(0, 0, granule / 2, Access.READ))
                    .hasMessageContaining("not aligned");
            assertThatThrownBy(() -> table.clear(1, granule)).hasMessageContaining("not aligned");
            assertThat(table.walk(0)).isEqualTo(Translation.NONE);
            table.map(granule, granule, 2 * granule, Access.READ);
            assertThat(table.walk(3 * granule - 1)).isNotEqualTo(Translation.NONE);
        }
    }

    @Test
    void shouldLinkPaprLevelsByRealAddressesWithReadAndWriteSet() {
        // 2^20 entries in 2 levels: 10 bits each, tables of 8 KiB, the root first.
        PageTable table = create("papr:2", 1 << 20);
        assertThat(memory.byteSize()).isEqualTo(8192 + 8 * (1 << 20));
        assertThat(at(0)).isEqualTo("0000000000002003");
        assertThat(at(8)).isEqualTo("0000000000004003");
        assertThat(at(1023 * 8)).isEqualTo("0000000000800003");
        table.map(1024 + 7, 0x55, 1, Access.WRITE);
        assertThat(at(0x4000 + 7 * 8)).isEqualTo("0000000000055002");
        assertThat(table.walk(1024 + 7)).isEqualTo(Translation.of(0x55, 0, Access.WRITE));
        put(8, "0000000000002003");
        assertThat(table.walk(1024 + 7)).isEqualTo(Translation.NONE);
        assertThat(table.walk(7)).isEqualTo(Translation.NONE);
        put(8, "0000000000004001");
        assertThat(table.walk(1024 + 7)).isEqualTo(Translation.NONE);
    }

    @Test
    void shouldLayOutVtdEntriesAsTheSpecificationDoes() {
        // 3 levels, 512 entries each: root at 0, one table of level 2, two of level 1.
        PageTable table = create("vtd", 1024);
        assertThat(memory.byteSize()).isEqualTo(4 * 4096);
        assertThat(at(0)).isEqualTo("0310000000000000");
        assertThat(at(0x1000)).isEqualTo("0320000000000000");
        assertThat(at(0x1008)).isEqualTo("0330000000000000");
        table.map(513, 0x123456789aL, 1, Access.READ);
        assertThat(at(0x3008)).isEqualTo("01a0896745230100");
        table.map(512, 0x123456789aL, 1, Access.WRITE);
        assertThat(at(0x3000)).isEqualTo("02a0896745230100");
        table.clear(512, 2);
        assertThat(at(0x3000)).isEqualTo("0000000000000000");
        table.map(512, 0x1234567800L, 512, Access.READ_WRITE);
        assertThat(at(0x1008)).isEqualTo("8300806745230100");
        assertThat(table.walk(512 + 5))
                .isEqualTo(Translation.of(0x1234567805L, 9, Access.READ_WRITE));
        table.clear(512, 512);
        assertThat(at(0x1008)).isEqualTo("0330000000000000");
        assertThat(table.walk(512 + 5)).isEqualTo(Translation.NONE);
    }

    @Test
    void shouldPutAGigabyteIntoOneVtdEntry() {
        PageTable table = create("vtd", 1 << 19);
        table.map(1 << 18, 3 << 18, 1 << 18, Access.READ);
        assertThat(at(8)).isEqualTo("810000c000000000");
        assertThat(table.walk((1 << 18) + 0x12345))
                .isEqualTo(Translation.of((3 << 18) + 0x12345, 18, Access.READ));
        assertThat(table.walk((1 << 18) - 1)).isEqualTo(Translation.NONE);
    }

    @Test
    void shouldReadVtdEntriesThatOthersWrote() {
        PageTable table = open("vtd", 1024);
        put(0, "0310000000000000");
        put(0x1000, "0120000000000000");
        put(0x1008, "870fe0ffffff0ff0");
        // Level 1: the superpage bit is ignored, and so are the bits not used.
        put(0x2008, "830f000000000000");
        put(0x2010, "02a0896745230180");
        assertThat(table.walk(0)).isEqualTo(Translation.NONE);
        assertThat(table.walk(1)).isEqualTo(Translation.of(0, 0, Access.READ));
        // Level 2 takes writing away.
        assertThat(table.walk(2)).isEqualTo(Translation.NONE);
        assertThat(table.walk(512 + 3))
                .isEqualTo(Translation.of(0xfffffffe03L, 9, Access.READ_WRITE));
    }

    @Test
    void shouldTakeASuperpageForBrokenWhereItIsReserved() {
        PageTable table = open("vtd:4", 1024);
        put(0, "8310000000000000");
        assertThat(table.walk(0)).isEqualTo(Translation.NONE);
        put(0, "0310000000000000");
        put(0x1000, "8300000000000000");
        assertThat(table.walk(9)).isEqualTo(Translation.of(9, 18, Access.READ_WRITE));
        // Bits of the frame below 1 GiB, and below 2 MiB.
        put(0x1000, "8300002000000000");
        assertThat(table.walk(9)).isEqualTo(Translation.NONE);
        put(0x1000, "0320000000000000");
        put(0x2000, "8300200000000000");
        assertThat(table.walk(9)).isEqualTo(Translation.of(512 + 9, 9, Access.READ_WRITE));
        put(0x2000, "8300300000000000");
        assertThat(table.walk(9)).isEqualTo(Translation.NONE);
        put(0x2000, "8310200000000000");
        assertThat(table.walk(9)).isEqualTo(Translation.NONE);
    }

    @Test
    void shouldLayOutAmdEntriesAsTheSpecificationDoes() {
        PageTable table = create("amdv1", 2048);
        // Pointers carry the level that they lead to, in bits 9 to 11.
        assertThat(at(0)).isEqualTo("0114000000000060");
        assertThat(at(0x1000)).isEqualTo("0122000000000060");
        table.map(1, 1, 1, Access.READ_WRITE);
        assertThat(at(0x2008)).isEqualTo("0110000000000060");
        table.map(3, 1, 1, Access.READ);
        assertThat(at(0x2018)).isEqualTo("0110000000000020");
        table.map(5, 1, 1, Access.WRITE);
        assertThat(at(0x2028)).isEqualTo("0110000000000040");
        table.map(16, 0x10, 2, Access.READ_WRITE);
        assertThat(at(0x2080)).isEqualTo("010e010000000060").isEqualTo(at(0x2088));
        table.map(20, 0x20, 4, Access.READ_WRITE);
        assertThat(at(0x20a0)).isEqualTo("011e020000000060").isEqualTo(at(0x20b8));
        table.map(32, 0x10, 16, Access.READ_WRITE);
        assertThat(at(0x2100)).isEqualTo("017e010000000060").isEqualTo(at(0x2178));
        assertThat(at(0x2180)).isEqualTo("0000000000000000");
        table.map(1024, 0x400, 1024, Access.READ_WRITE);
        assertThat(at(0x1010)).isEqualTo("01fe5f0000000060").isEqualTo(at(0x1018));
        assertThat(table.walk(1024 + 777))
                .isEqualTo(Translation.of(0x400 + 777, 10, Access.READ_WRITE));
        table.map(512, 0x800, 512, Access.READ_WRITE);
        assertThat(at(0x1008)).isEqualTo("0100800000000060");
        assertThat(table.walk(513)).isEqualTo(Translation.of(0x801, 9, Access.READ_WRITE));
        table.clear(512, 1536);
        assertThat(at(0x1008)).isEqualTo("0132000000000060");
        assertThat(at(0x1018)).isEqualTo("0152000000000060");
    }

    @Test
    void shouldReadAmdEntriesThatOthersWrote() {
        PageTable table = open("amdv1", 1024);
        put(0, "0114000000000060");
        put(0x1000, "0122000000000060");
        // Not present; coherent and with software's bits; a level that is not the one below; a
        // size that this level does not have.
        put(0x2000, "0010000000000060");
        put(0x2008, "ff11896745230170");
        put(0x2010, "0112000000000060");
        put(0x2018, "01feff0000000060");
        assertThat(table.walk(0)).isEqualTo(Translation.NONE);
        assertThat(table.walk(1)).isEqualTo(Translation.of(0x1234567891L, 0, Access.READ_WRITE));
        assertThat(table.walk(2)).isEqualTo(Translation.NONE);
        assertThat(table.walk(3)).isEqualTo(Translation.NONE);
        // A table of level 1 where level 2 is due would read its pages at the wrong place.
        put(0, "0122000000000060");
        assertThat(table.walk(1)).isEqualTo(Translation.NONE);
        assertThat(table.walk(512)).isEqualTo(Translation.NONE);
    }

    @Test
    void shouldTakeAnAmdEntryForBrokenWithAReservedBit() {
        PageTable table = open("amdv1", 512);
        String root = "0114000000000060";
        String middle = "0122000000000060";
        put(0, root);
        put(0x1000, middle);
        put(0x2000, "0110000000000060");
        assertThat(table.walk(0)).isEqualTo(Translation.of(1, 0, Access.READ_WRITE));
        for (int bit = 52; bit < 59; bit++) {
            refuse(table, 0x2000, 0x6000000000001001L | 1L << bit);
            refuse(table, 0x1000, 0x6000000000002201L | 1L << bit);
        }
        // FC and U: of a page they may say something, of a table they may not.
        for (int bit = 59; bit < 61; bit++) {
            refuse(table, 0, 0x6000000000001401L | 1L << bit);
            putWord(0x2000, 0x6000000000001001L | 1L << bit);
            assertThat(table.walk(0)).isEqualTo(Translation.of(1, 0, Access.READ_WRITE));
        }
    }

    private void refuse(PageTable table, long offset, long word) {
        byte[] before = new byte[Long.BYTES];
        MemorySegment.copy(memory, offset, MemorySegment.ofArray(before), 0, before.length);
        putWord(offset, word);
        assertThat(table.walk(0)).as("0x%x at 0x%x", word, offset).isEqualTo(Translation.NONE);
        MemorySegment.copy(MemorySegment.ofArray(before), 0, memory, offset, before.length);
    }

    private void putWord(long offset, long word) {
        memory.set(ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN), offset, word);
    }

    /** Every next level there is, in every level's entry: only the one below goes on. */
    @Test
    void shouldFollowAnAmdEntryOnlyToTheLevelBelow() {
        PageTable table = open("amdv1:6", 512);
        for (int level = 6; level > 1; level--) {
            for (int next = 1; next <= 6; next++) {
                for (int above = 6; above > level; above--) {
                    putWord((6 - above) * 0x1000L, amdPointer(6 - above + 1, above - 1));
                }
                putWord((6 - level) * 0x1000L, amdPointer(6 - level + 1, next));
                for (int below = level - 1; below > 1; below--) {
                    putWord((6 - below) * 0x1000L, amdPointer(6 - below + 1, below - 1));
                }
                putWord(5 * 0x1000L, 0x6000000000007001L);
                assertThat(table.walk(0) != Translation.NONE)
                        .as("level=%d next=%d", level, next)
                        .isEqualTo(next == level - 1);
            }
        }
    }

    private static long amdPointer(int table, int nextLevel) {
        return 0x6000000000000001L | table * 0x1000L | (long) nextLevel << 9;
    }

    /** A walk takes one load a level, wherever the entries lead. */
    @Test
    void shouldEndAWalkThroughATableThatLeadsToItself() {
        PageTable vtd = open("vtd:4", 512);
        // Each level's first entry is the root's: the last one makes a page of the root itself.
        putWord(0, 0x0000000000000003L);
        assertThat(vtd.walk(0)).isEqualTo(Translation.of(0, 0, Access.READ_WRITE));
        // Level 3 is the last that may be a page; an entry of the root cannot be one as well.
        putWord(0, 0x0000000000000083L);
        assertThat(vtd.walk(0)).isEqualTo(Translation.NONE);
        PageTable amd = open("amdv1:6", 512);
        for (int next = 1; next <= 6; next++) {
            putWord(0, 0x6000000000000001L | (long) next << 9);
            assertThat(amd.walk(0)).as("next=%d", next).isEqualTo(Translation.NONE);
        }
        PageTable papr = open("papr:5", 512);
        memory.set(ValueLayout.JAVA_LONG.withOrder(ByteOrder.BIG_ENDIAN), 0, 3L);
        assertThat(papr.walk(0)).isEqualTo(Translation.of(0, 0, Access.READ_WRITE));
    }

    @Test
    void shouldRefuseToClearAPartOfALargerPage() {
        for (String title : new String[] {"vtd", "amdv1", "vhpt"}) {
            PageTable table = create(title, 2048);
            table.map(512, 1024, 512, Access.READ);
            long inside = Translation.order(table.walk(512 + 256));
            assertThat(inside).isGreaterThan(4);
            for (long[] run : new long[][] {{512 + 256, 1}, {512, 1}, {500, 13}, {1023, 2}}) {
                assertThatThrownBy(() -> table.clear(run[0], run[1]))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("cuts the entry");
            }
            for (long page = 512; page < 1024; page++) {
                assertThat(Translation.pageFrame(table.walk(page))).isEqualTo(page + 512);
            }
            table.clear(500, 600);
            for (long page = 500; page < 1100; page++) {
                assertThat(table.walk(page)).isEqualTo(Translation.NONE);
            }
        }
    }

    @Test
    void shouldRefuseRunsOutsideTheTableAndChangeNothing() {
        for (String title : TestTables.titles()) {
            PageTable table = create(title, 8192);
            long granule = 1L << table.format().granuleShift();
            long pages = table.pages();
            long wrap = 1L << 61;
            for (long page : new long[] {pages, -granule, wrap, -wrap, Long.MIN_VALUE}) {
                assertThatThrownBy(() -> table.map(page, 0, granule, Access.READ))
                        .isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> table.clear(page, granule))
                        .isInstanceOf(IndexOutOfBoundsException.class);
                assertThat(table.walk(page)).isEqualTo(Translation.NONE);
            }
            for (long run : new long[] {2 * granule, 0, -1, Long.MAX_VALUE, Long.MIN_VALUE}) {
                assertThatThrownBy(() -> table.map(pages - granule, 0, run, Access.READ))
                        .isInstanceOf(IndexOutOfBoundsException.class)
                        .hasMessageContaining("not in a " + title);
                assertThatThrownBy(() -> table.clear(pages - granule, run))
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
            long beyond = (table.format().maxPageFrame() + 1 - granule) & -granule;
            assertThatThrownBy(() -> table.map(0, beyond, 2 * granule, Access.READ))
                    .hasMessageContaining("does not fit a " + title + " entry");
            assertThatThrownBy(() -> table.map(0, -granule, granule, Access.READ))
                    .hasMessageContaining("does not fit");
            for (int access : new int[] {0, 4, -1, 7}) {
                assertThatThrownBy(() -> table.map(0, 0, granule, access))
                        .hasMessageContaining("access=" + access);
                assertThatThrownBy(() -> table.map(0, 0, 2 * granule, access))
                        .hasMessageContaining("access=" + access);
            }
            for (long page = 0; page < pages; page += granule) {
                assertThat(table.walk(page)).isEqualTo(Translation.NONE);
            }
        }
    }
}
