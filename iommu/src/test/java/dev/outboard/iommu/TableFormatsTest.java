package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Titles, codes and sizes of formats, and formats of one's own. */
final class TableFormatsTest {
    private static final long GIBIBYTE_PAGES = 256 * 1024;

    /** The smallest format that somebody may bring: a word with a valid bit; everything allowed. */
    private static final class OpenFormat extends TceFormat {
        private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT;

        OpenFormat(String title, int code) {
            super(title, code, Integer.BYTES, 20);
        }

        @Override
        public boolean isTableSize(int entries) {
            return entries == 1024;
        }

        @Override
        public int maxEntries() {
            return 1024;
        }

        @Override
        protected long bits(long pageFrame, int access) {
            return pageFrame << 1 | 1;
        }

        @Override
        public int access(long entry) {
            return (entry & 1) == 0 ? Access.NONE : Access.READ_WRITE;
        }

        @Override
        public long pageFrame(long entry) {
            return entry >>> 1 & maxPageFrame();
        }

        @Override
        public long loadAcquire(MemorySegment table, long index) {
            return Integer.toUnsignedLong(
                    (int) WORD.varHandle().getAcquire(table, index * Integer.BYTES));
        }

        @Override
        public void storeRelease(MemorySegment table, long index, long entry) {
            WORD.varHandle().setRelease(table, index * Integer.BYTES, (int) entry);
        }
    }

    @Test
    void shouldTellTheFormatsInOrder() {
        assertThat(TableFormat.all())
                .extracting(TableFormat::title)
                .containsExactly(
                        "calgary",
                        "dart",
                        "papr",
                        "papr-64k",
                        "papr-2m",
                        "papr-16m",
                        "vtd",
                        "amdv1",
                        "vhpt");
    }

    @Test
    void shouldFindEveryFormatByTitleAndByCode() {
        Set<Integer> codes = new HashSet<>();
        List<String> titles = new ArrayList<>(TestTables.titles());
        titles.addAll(List.of("papr:4", "papr-64k:5", "amdv1:1", "amdv1:4", "amdv1:5"));
        for (String title : titles) {
            TableFormat format = TableFormat.ofTitle(title);
            assertThat(format.title()).isEqualTo(title);
            assertThat(format).hasToString(title);
            assertThat(TableFormat.ofCode(format.code())).isSameAs(format);
            assertThat(codes.add(format.code())).as(title).isTrue();
        }
        assertThat(TableFormat.ofTitle("papr:1")).isSameAs(TableFormat.ofTitle("papr"));
        assertThat(TableFormat.ofTitle("vtd:3")).isSameAs(TableFormat.ofTitle("vtd"));
        assertThat(TableFormat.ofTitle("vhpt:1")).isSameAs(VhptFormat.INSTANCE);
    }

    @Test
    void shouldRefuseLevelsThatAFormatDoesNotHave() {
        String[] wrong = {"calgary:2", "dart:0", "vhpt:2", "papr:6", "papr-2m:0", "vtd:2", "vtd:5"};
        for (String title : wrong) {
            assertThatThrownBy(() -> TableFormat.ofTitle(title))
                    .as(title)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("level");
        }
        for (String title : new String[] {"papr:", "papr:x", "papr:2x", "papr:-1", "vtd: 4"}) {
            assertThatThrownBy(() -> TableFormat.ofTitle(title))
                    .as(title)
                    .hasMessageContaining("after the colon");
        }
        for (String title : new String[] {"", ":2", "PAPR", "papr-4k", "papr ", "vhs:3"}) {
            assertThatThrownBy(() -> TableFormat.ofTitle(title))
                    .as(title)
                    .hasMessageContaining("take one of calgary, dart");
        }
    }

    @Test
    void shouldRefuseCodesThatNameNoFormat() {
        int[] wrong = {0, -1, 3, 3 | 6 << 8 | 12 << 16, 3 | 1 << 8 | 13 << 16, 4, 4 | 2 << 8, 5, 7};
        for (int code : wrong) {
            assertThatThrownBy(() -> TableFormat.ofCode(code)).hasMessageContaining("code=" + code);
        }
    }

    @Test
    void shouldHaveATableForAGibibyteOrForAsManyBuffers() {
        for (String title : TestTables.titles()) {
            TableFormat format = TableFormat.ofTitle(title);
            int entries = format.entriesFor(GIBIBYTE_PAGES);
            assertThat(format.isTableSize(entries)).as(title).isTrue();
            if (format.granuleShift() <= 4) {
                assertThat((long) entries << format.granuleShift())
                        .as(title)
                        .isEqualTo(GIBIBYTE_PAGES);
            } else {
                assertThat(entries).as(title).isEqualTo(8192);
            }
            assertThat(format.isTableSize(format.maxEntries())).as(title).isTrue();
            assertThat(format.isTableSize(format.maxEntries() + 1)).as(title).isFalse();
            assertThat(format.isTableSize(0)).as(title).isFalse();
            assertThat(format.isTableSize(-1)).as(title).isFalse();
            assertThat(format.isTableSize(Integer.MIN_VALUE)).as(title).isFalse();
        }
    }

    @Test
    void shouldKnowTheMemoryOfTablesForFourGibibytes() {
        int entries = 1 << 20;
        assertThat(TableFormat.ofTitle("calgary").tableBytes(entries)).isEqualTo(8 << 20);
        assertThat(TableFormat.ofTitle("papr").tableBytes(entries)).isEqualTo(8 << 20);
        // 7 bits a level would do, but a table takes a page, 9 bits: 4 tables, and 1 above.
        assertThat(TableFormat.ofTitle("papr:3").tableBytes(entries))
                .isEqualTo((8 << 20) + 5 * 4096);
        // 2 levels of 10 bits: tables of 8 KiB.
        assertThat(TableFormat.ofTitle("papr:2").tableBytes(entries)).isEqualTo((8 << 20) + 8192);
        // 2048 tables of level 1, 4 of level 2, 1 of level 3.
        assertThat(TableFormat.ofTitle("vtd").tableBytes(entries)).isEqualTo(2053 * 4096);
        assertThat(TableFormat.ofTitle("vtd:4").tableBytes(entries)).isEqualTo(2054 * 4096);
        assertThat(TableFormat.ofTitle("amdv1:6").tableBytes(entries)).isEqualTo(2056 * 4096);
        assertThat(TableFormat.ofTitle("vhpt").tableBytes(entries)).isEqualTo((64 << 20) + 4096);
        TableFormat largest = TableFormat.ofTitle("vtd");
        assertThat(largest.tableBytes(largest.maxEntries())).isGreaterThan(128L << 20);
    }

    @Test
    void shouldWalkTablesOfAFormatOfOnesOwn() {
        TableFormat format = new OpenFormat("open", TableFormat.FIRST_FOREIGN_CODE);
        try (Arena arena = Arena.ofConfined()) {
            TestTables.Pair pair = TestTables.create(format, 1024, arena);
            pair.owner().map(7, 0xfffff, 1, Access.READ);
            assertThat(pair.walker().walk(7))
                    .isEqualTo(Translation.of(0xfffff, 0, Access.READ_WRITE));
            pair.owner().clear(7, 1);
            assertThat(pair.walker().walk(7)).isEqualTo(Translation.NONE);
            assertThatThrownBy(() -> pair.owner().map(7, 0x100000, 1, Access.READ))
                    .hasMessageContaining("does not fit a open entry");
            assertThatThrownBy(() -> pair.owner().forHub(1)).hasMessageContaining("hubId=1");
        }
    }

    @Test
    void shouldTakeFormatsThatCannotBeMistakenForOthers() {
        List<TableFormat> formats = new ArrayList<>(TableFormat.all());
        int code = TableFormat.FIRST_FOREIGN_CODE;
        TableFormats.add(formats, new OpenFormat("open", code));
        assertThat(formats).last().hasToString("open");
        List<OpenFormat> wrong =
                List.of(
                        new OpenFormat("papr", code + 1),
                        new OpenFormat("open", code + 1),
                        new OpenFormat("other", code),
                        new OpenFormat("other", 1),
                        new OpenFormat("other:2", code + 1),
                        new OpenFormat("Other", code + 1),
                        new OpenFormat("", code + 1));
        for (OpenFormat format : wrong) {
            assertThatThrownBy(() -> TableFormats.add(formats, format))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("OpenFormat");
        }
        assertThat(formats).hasSize(TableFormat.all().size() + 1);
    }

    @Test
    void shouldRefuseHubsWhereEntriesHaveNone() {
        try (Arena arena = Arena.ofConfined()) {
            for (String title : TestTables.titles()) {
                PageTable table = TestTables.create(TableFormat.ofTitle(title), arena).owner();
                assertThat(table.forHub(0).walk(0)).isEqualTo(Translation.NONE);
                int beyond = table.format().hubs();
                assertThat(beyond).isEqualTo(title.equals("calgary") ? 64 : 1);
                for (int hubId : new int[] {beyond, -1, Integer.MIN_VALUE}) {
                    assertThatThrownBy(() -> table.forHub(hubId))
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("hubId=" + hubId);
                }
            }
        }
    }

    @Test
    void shouldFindOnlyEntriesOfItsOwnHub() {
        try (Arena arena = Arena.ofConfined()) {
            TestTables.Pair pair = TestTables.create(CalgaryFormat.INSTANCE, 8192, arena);
            for (int hubId = 0; hubId < 64; hubId++) {
                pair.owner().forHub(hubId).map(hubId, 100 + hubId, 1, Access.READ);
            }
            for (int hubId = 0; hubId < 64; hubId++) {
                PageTable view = pair.walker().forHub(hubId);
                for (long page = 0; page < 64; page++) {
                    assertThat(view.walk(page))
                            .isEqualTo(
                                    page == hubId
                                            ? Translation.of(100 + page, 0, Access.READ)
                                            : Translation.NONE);
                }
            }
            assertThat(pair.walker().walk(0)).isNotEqualTo(Translation.NONE);
            assertThat(pair.walker().walk(1)).isEqualTo(Translation.NONE);
        }
    }
}
