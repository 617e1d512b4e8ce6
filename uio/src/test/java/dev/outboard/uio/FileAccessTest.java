package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FileAccessTest {
    private static final int LENGTH = 64 * 1024;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    @TempDir Path directory;
    private final byte[] content = new byte[LENGTH];
    private final MemorySegment memory = Arena.ofAuto().allocate(LENGTH);
    private Path path;

    @BeforeEach
    void write() throws IOException {
        path = directory.resolve("disk.raw");
        new Random(42).nextBytes(content);
        Files.write(path, content);
    }

    @Test
    void shouldReadAndWriteAtAPosition() throws IOException {
        try (FileAccess file = FileAccess.open(path, true)) {
            assertThat(file.lengthBytes()).isEqualTo(LENGTH);
            assertThat(file.read(memory, 512, 1024, 4096)).isEqualTo(1024);
            assertThat(memory.asSlice(512, 1024).toArray(BYTE))
                    .isEqualTo(Arrays.copyOfRange(content, 4096, 5120));
            memory.asSlice(0, 8).fill((byte) 1);
            file.write(memory, 0, 8, 16);
            file.flush();
        }
        assertThat(Files.readAllBytes(path)).startsWith(Arrays.copyOf(content, 16));
        assertThat(Arrays.copyOfRange(Files.readAllBytes(path), 16, 24)).containsOnly(1);
    }

    @Test
    void shouldReadNoFurtherThanTheEnd() {
        try (FileAccess file = FileAccess.open(path, false)) {
            assertThat(file.read(memory, 0, 100, LENGTH - 10)).isEqualTo(10);
            assertThat(file.read(memory, 0, 100, LENGTH)).isZero();
        }
    }

    @Test
    void shouldScatterAndGather() throws IOException {
        try (FileAccess file = FileAccess.open(path, true);
                IoVector pieces = IoVector.allocate(3)) {
            assertThat(pieces.add(memory, 0, 100)).isTrue();
            assertThat(pieces.add(memory, 1000, 0)).isTrue();
            assertThat(pieces.add(memory, 2000, 200)).isTrue();
            assertThat(pieces.add(memory, 3000, 300)).isTrue();
            assertThat(pieces.add(memory, 4000, 1)).isFalse();
            assertThat(pieces.lengthBytes()).isEqualTo(600);
            assertThat(file.read(pieces, 512)).isEqualTo(600);
            assertThat(memory.asSlice(3000, 300).toArray(BYTE))
                    .isEqualTo(Arrays.copyOfRange(content, 812, 1112));
            pieces.clear();
            pieces.add(memory, 3000, 300);
            pieces.add(memory, 0, 100);
            file.write(pieces, 0);
        }
        byte[] expected = Arrays.copyOfRange(content, 812, 1112);
        assertThat(Files.readAllBytes(path)).startsWith(expected);
    }

    @Test
    void shouldAdvanceWithinAPieceAfterAShortTransfer() {
        try (IoVector pieces = IoVector.allocate(2);
                FileAccess file = FileAccess.open(path, false)) {
            pieces.add(memory, 0, 10);
            pieces.add(memory, 100, 10);
            pieces.advance(15);
            assertThat(pieces.lengthBytes()).isEqualTo(5);
            assertThat(pieces.remainingCount()).isEqualTo(1);
            assertThat(file.read(pieces, 0)).isEqualTo(5);
            assertThat(memory.asSlice(105, 5).toArray(BYTE)).isEqualTo(Arrays.copyOf(content, 5));
        }
    }

    @Test
    void shouldEndAVectorAtTheEndOfTheFile() {
        try (IoVector pieces = IoVector.allocate(2);
                FileAccess file = FileAccess.open(path, false)) {
            pieces.add(memory, 0, 10);
            pieces.add(memory, 100, 10);
            assertThat(file.read(pieces, LENGTH - 12)).isEqualTo(12);
        }
    }

    @Test
    void shouldDiscardAndZeroOrSayThatItCannot() throws IOException {
        try (FileAccess file = FileAccess.open(path, true)) {
            if (file.discard(4096, 4096)) {
                assertThat(Arrays.copyOfRange(Files.readAllBytes(path), 4096, 8192))
                        .containsOnly(0);
            } else {
                assertThat(Files.readAllBytes(path)).isEqualTo(content);
            }
            if (file.writeZeroes(0, 512)) {
                assertThat(Arrays.copyOf(Files.readAllBytes(path), 512)).containsOnly(0);
            }
            assertThat(file.lengthBytes()).isEqualTo(LENGTH);
        }
    }

    @Test
    void shouldRefuseWhatIsNoFile() {
        int before = Descriptor.openCount();
        assertThatThrownBy(() -> FileAccess.open(directory, false))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> FileAccess.open(Path.of("/dev/zero"), false))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> FileAccess.open(directory.resolve("none"), false))
                .isInstanceOf(NativeException.class)
                .hasMessageEndingWith("ENOENT");
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldNameTheErrorOfAWriteThatIsNotAllowed() {
        try (FileAccess file = FileAccess.open(path, false)) {
            assertThatThrownBy(() -> file.write(memory, 0, 8, 0))
                    .isInstanceOf(NativeException.class)
                    .hasMessageContaining("EBADF");
        }
    }

    @Test
    void shouldRefusePiecesOutsideTheirMemoryAndMemoryThatIsClosed() {
        try (FileAccess file = FileAccess.open(path, true);
                IoVector pieces = IoVector.allocate(1)) {
            assertThatThrownBy(() -> file.read(memory, 1, LENGTH, 0))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> pieces.add(memory, LENGTH, 1))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            try (Arena arena = Arena.ofConfined()) {
                pieces.add(arena.allocate(8), 0, 8);
            }
            assertThatThrownBy(() -> file.read(pieces, 0))
                    .isInstanceOf(IllegalStateException.class);
        }
    }
}
