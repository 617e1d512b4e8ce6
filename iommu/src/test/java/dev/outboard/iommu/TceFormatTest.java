package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Layouts against vectors made by hand from the paper's tables 1 and 2, not from this code. */
final class TceFormatTest {
    private static final CalgaryFormat CALGARY = CalgaryFormat.INSTANCE;
    private static final DartFormat DART = DartFormat.INSTANCE;

    @Test
    void shouldLayOutCalgaryEntriesAsThePaperDoes() {
        assertThat(inMemory(CALGARY, CALGARY.encode(0x123456789L, Access.READ_WRITE, 0x15)))
                .isEqualTo("0000123456789057");
        assertThat(inMemory(CALGARY, CALGARY.encode(1, Access.READ))).isEqualTo("0000000000001001");
        assertThat(inMemory(CALGARY, CALGARY.encode(1, Access.WRITE)))
                .isEqualTo("0000000000001002");
        assertThat(inMemory(CALGARY, CALGARY.encode(0xfffffffffL, Access.READ, 63)))
                .isEqualTo("0000fffffffff0fd");
    }

    @Test
    void shouldLayOutDartEntriesAsThePaperDoes() {
        assertThat(inMemory(DART, DART.encode(0xabcdef, Access.READ))).isEqualTo("a0abcdef");
        assertThat(inMemory(DART, DART.encode(0xabcdef, Access.WRITE))).isEqualTo("c0abcdef");
        assertThat(inMemory(DART, DART.encode(0xabcdef, Access.READ_WRITE))).isEqualTo("80abcdef");
        assertThat(inMemory(DART, DART.encode(0, Access.READ_WRITE))).isEqualTo("80000000");
    }

    @Test
    void shouldReadCalgaryEntriesThatOthersWrote() {
        long entry = fromMemory(CALGARY, "ffff12345678f0aa");
        assertThat(CALGARY.pageFrame(entry)).isEqualTo(0x12345678fL);
        assertThat(CALGARY.access(entry)).isEqualTo(Access.WRITE);
        assertThat(CALGARY.hubId(entry)).isEqualTo(0x2a);
        assertThat(CALGARY.access(fromMemory(CALGARY, "fffffffffffffffc"))).isEqualTo(Access.NONE);
    }

    @Test
    void shouldReadDartEntriesThatOthersWrote() {
        assertThat(DART.access(fromMemory(DART, "9f000001"))).isEqualTo(Access.READ_WRITE);
        assertThat(DART.pageFrame(fromMemory(DART, "9ffedcba"))).isEqualTo(0xfedcba);
        assertThat(DART.access(fromMemory(DART, "e0000001"))).isEqualTo(Access.NONE);
        assertThat(DART.access(fromMemory(DART, "1f000001"))).isEqualTo(Access.NONE);
        assertThat(DART.access(fromMemory(DART, "00000000"))).isEqualTo(Access.NONE);
    }

    @Test
    void shouldReturnWhatWasEncoded() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 10_000; round++) {
            for (TceFormat format : new TceFormat[] {CALGARY, DART}) {
                long frame = random.nextLong() & format.maxPageFrame();
                int access = 1 + random.nextInt(3);
                long entry = format.encode(frame, access);
                assertThat(format.pageFrame(entry)).as("seed=%d", seed).isEqualTo(frame);
                assertThat(format.access(entry)).as("seed=%d", seed).isEqualTo(access);
            }
        }
    }

    @Test
    void shouldRefuseWhatNoEntryCanSay() {
        for (TceFormat format : new TceFormat[] {CALGARY, DART}) {
            assertThatThrownBy(() -> format.encode(format.maxPageFrame() + 1, Access.READ))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("does not fit a " + format.title());
            assertThatThrownBy(() -> format.encode(-1, Access.READ))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> format.encode(1, Access.NONE))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> format.encode(1, 4))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> CALGARY.encode(1, Access.READ, 64))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("hubId=64");
    }

    @Test
    void shouldKnowTheTableSizesOfTheHardware() {
        for (int size = 0; size <= 7; size++) {
            assertThat(CALGARY.isTableSize(8192 << size)).isTrue();
        }
        assertThat(CALGARY.isTableSize(8192 << 8)).isFalse();
        assertThat(CALGARY.isTableSize(4096)).isFalse();
        assertThat(CALGARY.isTableSize(8193)).isFalse();
        assertThat(DART.isTableSize(512 * 1024)).isTrue();
        assertThat(DART.isTableSize(1024)).isTrue();
        assertThat(DART.isTableSize(1025)).isFalse();
        assertThat(DART.isTableSize(0)).isFalse();
        assertThat(DART.isTableSize(512 * 1024 + 1024)).isFalse();
    }

    @Test
    void shouldFindFormatsByNameAndCode() {
        assertThat(TableFormat.ofTitle("calgary")).isSameAs(CALGARY);
        assertThat(TableFormat.ofCode(DART.code())).isSameAs(DART);
        assertThatThrownBy(() -> TableFormat.ofTitle("vhs"))
                .hasMessageContaining("take one of calgary, dart, papr");
        assertThatThrownBy(() -> TableFormat.ofCode(99)).hasMessageContaining("code=99");
    }

    @Test
    void shouldRefuseMemoryThatDoesNotHoldTheTable() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(8192 * 8, 8);
            assertThatThrownBy(() -> new TceTable(CALGARY, memory, 16384))
                    .hasMessageContaining("lengthBytes=65536");
            assertThatThrownBy(() -> new TceTable(CALGARY, memory, 100))
                    .hasMessageContaining("entries=100");
            TceTable table = new TceTable(CALGARY, memory, 8192);
            assertThatThrownBy(() -> table.map(8192, 1, 1, Access.READ))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> table.clear(-1, 1))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    private static String inMemory(TceFormat format, long entry) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(2L * format.entryBytes(), 8);
            format.storeRelease(memory, 1, entry);
            byte[] bytes =
                    memory.asSlice(format.entryBytes(), format.entryBytes())
                            .toArray(ValueLayout.JAVA_BYTE);
            return HexFormat.of().formatHex(bytes);
        }
    }

    private static long fromMemory(TceFormat format, String hex) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(2L * format.entryBytes(), 8);
            MemorySegment.copy(
                    MemorySegment.ofArray(HexFormat.of().parseHex(hex)),
                    0,
                    memory,
                    format.entryBytes(),
                    format.entryBytes());
            return format.loadAcquire(memory, 1);
        }
    }
}
