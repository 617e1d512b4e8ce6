package dev.outboard.perf.guest;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.HashSet;
import java.util.Set;

/**
 * Writes an archive as the kernel unpacks it at start: cpio, format newc, not compressed.
 *
 * <pre>
 *   "070701", 13 numbers of 8 hexadecimal digits: inode, mode, user, group, links, time, length,
 *   device (2), device it is (2), length of name, checksum (0); name, 0; data; each padded to 4
 * </pre>
 *
 * <p>Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. Folders above
 * what is added are added before it; what is there already is left out. One thread.
 */
final class CpioWriter implements AutoCloseable {
    private static final int ALIGNMENT = 4;
    private static final int HEADER_BYTES = 110;
    private static final int FOLDER = 0040000;
    private static final int FILE = 0100000;
    private static final int LINK = 0120000;
    private static final int CHARACTER_DEVICE = 0020000;
    private static final int EXECUTABLE = 0755;
    private static final int PLAIN = 0644;
    private static final String TRAILER = "TRAILER!!!";

    private final OutputStream out;
    private final Set<String> present = new HashSet<>();
    private int inode;

    CpioWriter(Path file) throws IOException {
        out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20);
    }

    /** A folder, if it is not there yet. */
    void folder(String name) throws IOException {
        if (begin(name)) {
            header(name, FOLDER | EXECUTABLE, 0, 0, 0, 0);
        }
    }

    /** A file with these bytes. */
    void file(String name, byte[] bytes, boolean isExecutable) throws IOException {
        if (begin(name)) {
            header(name, FILE | (isExecutable ? EXECUTABLE : PLAIN), bytes.length, 0, 0, 0);
            out.write(bytes);
            pad(bytes.length);
        }
    }

    /** A copy of a file; of what a link leads to. Keeps its time, which archives of classes see. */
    void copy(String name, Path from) throws IOException {
        if (!begin(name)) {
            return;
        }
        var isExecutable =
                Files.getPosixFilePermissions(from).contains(PosixFilePermission.OWNER_EXECUTE);
        var length = Files.size(from);
        var seconds = Files.getLastModifiedTime(from).toMillis() / 1000;
        header(name, FILE | (isExecutable ? EXECUTABLE : PLAIN), length, seconds, 0, 0);
        var copied = Files.copy(from, out);
        if (copied != length) {
            throw new IOException(from + " changed while it was copied");
        }
        pad(length);
    }

    /** Copies a folder with all that is in it. */
    void copyTree(String name, Path from) throws IOException {
        try (var entries = Files.walk(from)) {
            for (var entry : (Iterable<Path>) entries::iterator) {
                if (Files.isRegularFile(entry)) {
                    copy(name + "/" + from.relativize(entry), entry);
                }
            }
        }
    }

    /** A symbolic link. */
    void link(String name, String target) throws IOException {
        if (begin(name)) {
            var bytes = target.getBytes(StandardCharsets.UTF_8);
            header(name, LINK | 0777, bytes.length, 0, 0, 0);
            out.write(bytes);
            pad(bytes.length);
        }
    }

    /** A character device. */
    void device(String name, int major, int minor) throws IOException {
        if (begin(name)) {
            header(name, CHARACTER_DEVICE | 0600, 0, 0, major, minor);
        }
    }

    /** Whether it is to be written now. */
    private boolean begin(String name) throws IOException {
        if (!present.add(strip(name))) {
            return false;
        }
        var slash = name.lastIndexOf('/');
        if (slash > 0) {
            folder(name.substring(0, slash));
        }
        return true;
    }

    private static String strip(String name) {
        return name.startsWith("/") ? name.substring(1) : name;
    }

    private void header(
            String written, int mode, long lengthBytes, long seconds, int major, int minor)
            throws IOException {
        var name = strip(written).getBytes(StandardCharsets.UTF_8);
        if (lengthBytes >>> Integer.SIZE != 0) {
            throw new IOException(written + " is longer than the 4 GiB that cpio can say");
        }
        var links = (mode & FOLDER) != 0 ? 2 : 1;
        out.write("070701".getBytes(StandardCharsets.US_ASCII));
        long[] numbers = {
            ++inode, mode, 0, 0, links, seconds, lengthBytes, 0, 0, major, minor, name.length + 1, 0
        };
        for (var number : numbers) {
            out.write("%08X".formatted(number & 0xffff_ffffL).getBytes(StandardCharsets.US_ASCII));
        }
        out.write(name);
        out.write(0);
        pad(HEADER_BYTES + name.length + 1);
    }

    private void pad(long lengthBytes) throws IOException {
        for (long done = lengthBytes; done % ALIGNMENT != 0; done++) {
            out.write(0);
        }
    }

    @Override
    public void close() throws IOException {
        try (out) {
            header(TRAILER, 0, 0, 0, 0, 0);
        }
    }
}
