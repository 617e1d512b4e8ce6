package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class MemoryFileTest {
    private static final long LENGTH = 4 * 4096;
    private int openBefore;
    private MemoryFile file;

    @BeforeEach
    void create() {
        openBefore = Descriptor.openCount();
        file = MemoryFile.create("memory-file-test", LENGTH);
    }

    @AfterEach
    void closeAndCount() {
        file.close();
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    @Test
    void shouldShowOneMappingsWritesInAnother() {
        try (Mapping all = file.map(0, LENGTH, true);
                Mapping part = file.map(4096, 4096, false)) {
            all.memory().set(ValueLayout.JAVA_LONG, 4096 + 8, 42);
            assertThat(part.memory().get(ValueLayout.JAVA_LONG, 8)).isEqualTo(42);
            assertThat(part.lengthBytes()).isEqualTo(4096);
            assertThat(part.isWritable()).isFalse();
        }
    }

    @Test
    void shouldMapFromAnyOffset() {
        try (Mapping all = file.map(0, LENGTH, true);
                Mapping part = file.map(5000, 100, true)) {
            part.memory().set(ValueLayout.JAVA_BYTE, 99, (byte) 7);
            assertThat(all.memory().get(ValueLayout.JAVA_BYTE, 5099)).isEqualTo((byte) 7);
        }
    }

    @Test
    void shouldRefuseWritesThroughAReadOnlyMapping() {
        try (Mapping part = file.map(0, 4096, false)) {
            MemorySegment memory = part.memory();
            assertThatThrownBy(() -> memory.set(ValueLayout.JAVA_INT, 0, 1))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void shouldRefuseToMapBeyondItsEnd() {
        long[][] bad = {
            {0, LENGTH + 1},
            {4096, LENGTH},
            {-1, 4096},
            {0, 0},
            {0, -1},
            {LENGTH, 1},
            {Long.MAX_VALUE, 4096},
            {4096, Long.MAX_VALUE}
        };
        for (long[] part : bad) {
            assertThatThrownBy(() -> file.map(part[0], part[1], true))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("of a file of 0x4000 bytes");
        }
    }

    @Test
    void shouldThrowNotCrashAfterClose() {
        Mapping mapping = file.map(0, 4096, true);
        MemorySegment memory = mapping.memory();
        mapping.close();
        mapping.close();
        assertThatThrownBy(() -> memory.get(ValueLayout.JAVA_INT, 0))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldOutliveItsFile() {
        try (Mapping mapping = file.map(0, 4096, true)) {
            file.close();
            mapping.memory().set(ValueLayout.JAVA_INT, 0, 1);
            assertThat(mapping.memory().get(ValueLayout.JAVA_INT, 0)).isEqualTo(1);
        }
    }

    @Test
    void shouldRefuseWritableMappingsOnceFutureWritesAreSealed() {
        try (Mapping early = file.map(0, 4096, true)) {
            file.sealFutureWrites();
            assertThatThrownBy(() -> file.map(0, 4096, true))
                    .isInstanceOf(NativeException.class)
                    .hasMessageEndingWith("EPERM");
            try (Mapping late = file.map(0, 4096, false)) {
                early.memory().set(ValueLayout.JAVA_INT, 0, 5);
                assertThat(late.memory().get(ValueLayout.JAVA_INT, 0)).isEqualTo(5);
            }
        }
    }

    @Test
    void shouldTellWhetherItsSizeIsSealed() {
        assertThat(file.isSizeSealed()).isFalse();
        file.sealSize();
        assertThat(file.isSizeSealed()).isTrue();
    }

    @Test
    void shouldTakeTheLengthOfAReceivedFileFromTheKernel() {
        try (MemoryFile received = MemoryFile.adopt(file.descriptor().duplicate())) {
            assertThat(received.lengthBytes()).isEqualTo(LENGTH);
        }
    }

    @Test
    void shouldRefuseAndCloseAReceivedDescriptorThatIsNoFile() {
        Descriptor event = EventDescriptor.create().descriptor();
        assertThatThrownBy(() -> MemoryFile.adopt(event))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(event.isClosed()).isTrue();
    }

    @Test
    void shouldRefuseAFileWithoutLength() {
        assertThatThrownBy(() -> MemoryFile.create("nothing", 0))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldNameTheErrorWhenThereIsNoRoomToMap() {
        try (MemoryFile huge = MemoryFile.create("huge", Long.MAX_VALUE)) {
            assertThatThrownBy(() -> huge.map(0, Long.MAX_VALUE - 4096, true))
                    .isInstanceOf(NativeException.class)
                    .hasMessageContaining("mmap")
                    .hasMessageEndingWith("ENOMEM");
        }
    }

    @Test
    void shouldReadZerosWhereAHoleWasPunchedAndKeepTheRest() {
        try (Mapping all = file.map(0, LENGTH, true)) {
            all.memory().fill((byte) 1);
            file.sealSize();
            file.punchHole(4096, 8192);
            assertThat(all.memory().get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo((byte) 1);
            assertThat(all.memory().get(ValueLayout.JAVA_BYTE, 4096)).isZero();
            assertThat(all.memory().get(ValueLayout.JAVA_BYTE, 12_287)).isZero();
            assertThat(all.memory().get(ValueLayout.JAVA_BYTE, 12_288)).isEqualTo((byte) 1);
            assertThatThrownBy(() -> file.punchHole(0, LENGTH + 4096))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> file.punchHole(4096, 0))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void shouldThrowFromAPartThatWasTakenAwayAndFromNoOther() {
        try (Mapping all = file.map(0, LENGTH, true)) {
            all.memory().fill((byte) 1);
            all.takeAway(4096, 4096);
            assertThat(all.memory().get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo((byte) 1);
            assertThat(all.memory().get(ValueLayout.JAVA_BYTE, 8192)).isEqualTo((byte) 1);
            assertThatThrownBy(() -> sum(all.memory())).isInstanceOf(InternalError.class);
            assertThatThrownBy(() -> all.memory().fill((byte) 2)).isInstanceOf(InternalError.class);
            assertThatThrownBy(() -> all.takeAway(LENGTH, 4096))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    private static long sum(MemorySegment memory) {
        long sum = 0;
        for (long at = 0; at < memory.byteSize(); at += 8) {
            sum += memory.get(ValueLayout.JAVA_LONG, at);
        }
        return sum;
    }

    @Test
    void shouldMapAlignedForHugePagesAndLeaveNoAddressSpaceTaken() throws IOException {
        long length = 4L << 20;
        try (MemoryFile large = MemoryFile.create("memory-file-large", length)) {
            long before = mappings();
            try (Mapping mapping = large.mapForHugePages()) {
                assertThat(mapping.memory().address() % (2 << 20)).isZero();
                assertThat(mapping.lengthBytes()).isEqualTo(length);
                mapping.memory().fill((byte) 3);
            }
            assertThat(mappings()).isEqualTo(before);
        }
    }

    private static long mappings() throws IOException {
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains("memory-file-large")).count();
        }
    }

    @Test
    void shouldRefuseHugePagesOfASizeThatThereIsNoneOf() {
        assertThatThrownBy(() -> MemoryFile.createHuge("odd", 4096, 21))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("lengthBytes=0x1000 is not whole pages of 0x200000");
        assertThatThrownBy(() -> MemoryFile.createHuge("none", 1L << 33, 33))
                .isInstanceOf(NativeException.class);
    }

    @Test
    void shouldFenceByTheKernelWhereItCan() {
        ProcessBarrier.run();
        assertThat(ProcessBarrier.isOfKernel()).isTrue();
    }
}
