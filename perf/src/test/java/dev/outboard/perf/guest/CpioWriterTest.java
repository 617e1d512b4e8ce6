package dev.outboard.perf.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The archive, read back by the layout that the kernel documents. */
class CpioWriterTest {
    private static final int HEADER_BYTES = 110;

    @TempDir Path folder;

    /** One entry as it lies in the archive. */
    private record Entry(String name, int mode, int seconds, int major, int minor, String data) {}

    private List<Entry> written(Path file) throws IOException {
        var bytes = Files.readAllBytes(file);
        assertThat(bytes.length % 4).isZero();
        var entries = new ArrayList<Entry>();
        int at = 0;
        while (at < bytes.length) {
            assertThat(text(bytes, at, 6)).isEqualTo("070701");
            int length = number(bytes, at, 6);
            int nameLength = number(bytes, at, 11);
            int nameAt = at + HEADER_BYTES;
            int dataAt = (nameAt + nameLength + 3) / 4 * 4;
            assertThat(bytes[nameAt + nameLength - 1]).isZero();
            entries.add(
                    new Entry(
                            text(bytes, nameAt, nameLength - 1),
                            number(bytes, at, 1),
                            number(bytes, at, 5),
                            number(bytes, at, 9),
                            number(bytes, at, 10),
                            text(bytes, dataAt, length)));
            at = (dataAt + length + 3) / 4 * 4;
        }
        return entries;
    }

    private static String text(byte[] bytes, int at, int length) {
        return new String(bytes, at, length, StandardCharsets.UTF_8);
    }

    private static int number(byte[] bytes, int header, int index) {
        return Integer.parseUnsignedInt(text(bytes, header + 6 + 8 * index, 8), 16);
    }

    @Test
    void shouldWriteFoldersBeforeWhatIsInThemAndEachOnce() throws IOException {
        var file = folder.resolve("a.cpio");
        try (var archive = new CpioWriter(file)) {
            archive.file("/etc/deep/one", "12345".getBytes(StandardCharsets.UTF_8), false);
            archive.file("etc/deep/two", new byte[0], true);
            archive.link("bin/sh", "busybox");
            archive.device("dev/console", 5, 1);
            archive.file("etc/deep/one", "again".getBytes(StandardCharsets.UTF_8), false);
        }
        assertThat(written(file))
                .containsExactly(
                        new Entry("etc", 0040755, 0, 0, 0, ""),
                        new Entry("etc/deep", 0040755, 0, 0, 0, ""),
                        new Entry("etc/deep/one", 0100644, 0, 0, 0, "12345"),
                        new Entry("etc/deep/two", 0100755, 0, 0, 0, ""),
                        new Entry("bin", 0040755, 0, 0, 0, ""),
                        new Entry("bin/sh", 0120777, 0, 0, 0, "busybox"),
                        new Entry("dev", 0040755, 0, 0, 0, ""),
                        new Entry("dev/console", 0020600, 0, 5, 1, ""),
                        new Entry("TRAILER!!!", 0, 0, 0, 0, ""));
    }

    @Test
    void shouldKeepTheTimeOfACopiedFileAndWhetherItRuns() throws IOException {
        var source = Files.writeString(folder.resolve("tool"), "#!");
        Files.setLastModifiedTime(source, FileTime.from(1_234_567, TimeUnit.SECONDS));
        source.toFile().setExecutable(true);
        var file = folder.resolve("b.cpio");
        try (var archive = new CpioWriter(file)) {
            archive.copy("tool", source);
        }
        assertThat(written(file)).contains(new Entry("tool", 0100755, 1_234_567, 0, 0, "#!"));
    }
}
