package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MemoryFile;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Huge pages where they really are; on a machine without any, that they are asked for. */
class RealMemoryTest {
    private static final long PAGE = 2 << 20;

    private static List<List<Long>> runs(long... places) {
        var pages = LongStream.of(places).mapToObj(at -> new RealMemory.Page(null, at)).toList();
        return RealMemory.runs(pages).stream()
                .map(run -> run.stream().map(RealMemory.Page::physicalAddress).toList())
                .toList();
    }

    @Test
    void shouldJoinNeighboursInWhateverOrderTheyCame() {
        assertThat(runs(5 * PAGE, 2 * PAGE, 4 * PAGE, 9 * PAGE, 3 * PAGE))
                .containsExactly(
                        List.of(2 * PAGE, 3 * PAGE, 4 * PAGE, 5 * PAGE), List.of(9 * PAGE));
        assertThat(runs(0, 2 * PAGE, 4 * PAGE)).hasSize(3);
        assertThat(runs(PAGE, 0)).containsExactly(List.of(0L, PAGE));
    }

    @Test
    void shouldGiveHugePagesOrSayWhatIsMissing() {
        int before = Descriptor.openCount();
        try (var memory = PhysicalMemory.createReal(3 << 20)) {
            assertThat(memory.segments())
                    .allSatisfy(segment -> assertThat(segment.physicalAddress() % PAGE).isZero());
            assertThat(memory.lengthBytes()).isEqualTo(2 * PAGE);
            assertThatThrownBy(() -> memory.plug(PAGE, PageKind.HUGE_2M))
                    .hasMessageContaining("--memory");
        } catch (IllegalStateException missing) {
            assertThat(missing.getMessage()).containsAnyOf("nr_hugepages", "CAP_SYS_ADMIN");
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldMapSeveralFilesAsOnePieceOfMemory() {
        int before = Descriptor.openCount();
        var files =
                List.of(
                        MemoryFile.create("one", 8192),
                        MemoryFile.create("two", 8192),
                        MemoryFile.create("three", 8192));
        var file = new SegmentFile(files);
        try (var mapping = MemoryFile.mapJoined(files, 4096);
                var third = files.get(2).map(0, 8192, false)) {
            var memory = mapping.memory();
            assertThat(memory.byteSize()).isEqualTo(3 * 8192);
            memory.fill((byte) 3);
            assertThat(third.memory().get(ValueLayout.JAVA_BYTE, 8191)).isEqualTo((byte) 3);
            file.punchHole(4096, 3 * 4096);
            for (int page = 0; page < 6; page++) {
                int expected = page >= 1 && page < 4 ? 0 : 3;
                assertThat(memory.get(ValueLayout.JAVA_BYTE, page * 4096L))
                        .as("page %d", page)
                        .isEqualTo((byte) expected);
            }
            assertThatThrownBy(file::descriptor).isInstanceOf(IllegalStateException.class);
        } finally {
            file.close();
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }
}
