package dev.outboard.dma;

import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.NativeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * What the kernel has of huge pages, how memory is mapped with them, and how much of a mapping came
 * to be on them. Any thread; not for data paths.
 */
final class HugePages {
    private static final long SHIFT_2M = 21;
    private static final long SHIFT_1G = 30;
    private static final Path POOLS = Path.of("/sys/kernel/mm/hugepages");
    private static final Path MAPPINGS = Path.of("/proc/self/smaps");

    private HugePages() {}

    /** Bytes of a page of that kind, as its memory is taken and given back. */
    static long pageBytes(PageKind kind) {
        return switch (kind) {
            case HUGE_2M -> 1L << SHIFT_2M;
            case HUGE_1G -> 1L << SHIFT_1G;
            case AUTO, BASE, TRANSPARENT -> 4096;
        };
    }

    /** Memory that was made, mapped; and what its pages are. */
    record Mapped(MemoryFile file, Mapping mapping, PageKind kind) {}

    /**
     * Maps memory, sealed.
     *
     * @param file taken over, also if this fails
     * @param kind as it was made
     * @throws IllegalStateException if huge pages were asked for and are not there
     */
    static Mapped map(MemoryFile file, PageKind kind) {
        try {
            file.sealSize();
            boolean transparent = kind == PageKind.TRANSPARENT;
            Mapping mapping =
                    transparent ? file.mapForHugePages() : file.map(0, file.lengthBytes(), true);
            return new Mapped(file, mapping, kind);
        } catch (NativeException scarce) {
            file.close();
            throw pageBytes(kind) > 4096 ? missing(file.lengthBytes(), kind, scarce) : scarce;
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
    }

    /**
     * The kind of page to begin with where the kernel may choose: huge ones if so many are free.
     *
     * @param lengthBytes of the memory
     */
    static PageKind best(long lengthBytes) {
        for (PageKind kind : List.of(PageKind.HUGE_1G, PageKind.HUGE_2M)) {
            long pageBytes = pageBytes(kind);
            if (lengthBytes % pageBytes == 0 && freePages(kind) >= lengthBytes / pageBytes) {
                return kind;
            }
        }
        return lengthBytes % pageBytes(PageKind.HUGE_2M) == 0
                ? PageKind.TRANSPARENT
                : PageKind.BASE;
    }

    /** Huge pages that are free, and promised to nobody. */
    private static long freePages(PageKind kind) {
        return count(kind, "free_hugepages") - count(kind, "resv_hugepages");
    }

    private static long count(PageKind kind, String name) {
        Path pool = POOLS.resolve("hugepages-%dkB".formatted(pageBytes(kind) >>> 10));
        try {
            return Long.parseLong(Files.readString(pool.resolve(name)).strip());
        } catch (IOException | NumberFormatException none) {
            return 0;
        }
    }

    /** Says what is missing, and what to do. */
    static IllegalStateException missing(long lengthBytes, PageKind kind, RuntimeException cause) {
        long pages = lengthBytes / pageBytes(kind);
        String size = MemoryUse.text(pageBytes(kind));
        String remedy =
                kind == PageKind.HUGE_2M
                        ? "echo N > /proc/sys/vm/nr_hugepages"
                        : "echo N > " + POOLS + "/hugepages-1048576kB/nr_hugepages";
        return new IllegalStateException(
                "%d huge pages of %s are wanted and %d are free: %s, or take other pages"
                        .formatted(pages, size, Math.max(0, freePages(kind)), remedy),
                cause);
    }

    /**
     * How many bytes of a mapping of this process are on huge pages now.
     *
     * @param kind what its pages are
     */
    static long hugeBytes(long address, long lengthBytes, PageKind kind) {
        return switch (kind) {
            case HUGE_2M, HUGE_1G -> lengthBytes;
            case TRANSPARENT -> joinedBytes(address, lengthBytes);
            case AUTO, BASE -> 0;
        };
    }

    private static long joinedBytes(long address, long lengthBytes) {
        try {
            return joinedBytes(Files.readAllLines(MAPPINGS), address, address + lengthBytes);
        } catch (IOException unreadable) {
            return 0;
        }
    }

    /** Sums what the kernel maps by huge pages of files in the mappings between two addresses. */
    static long joinedBytes(List<String> smaps, long start, long end) {
        long kibibytes = 0;
        boolean within = false;
        for (String line : smaps) {
            OptionalLong first = firstAddress(line);
            if (first.isPresent()) {
                within = first.getAsLong() >= start && first.getAsLong() < end;
            } else if (within && line.startsWith("ShmemPmdMapped:")) {
                kibibytes += Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return kibibytes << 10;
    }

    /** Where a mapping begins, if the line is the first of one: "7f00-7f10 rw-s …". */
    private static OptionalLong firstAddress(String line) {
        int dash = line.indexOf('-');
        int space = line.indexOf(' ');
        if (dash <= 0 || space < dash || line.lastIndexOf(':', dash) >= 0) {
            return OptionalLong.empty();
        }
        try {
            return OptionalLong.of(Long.parseLong(line, 0, dash, 16));
        } catch (NumberFormatException other) {
            return OptionalLong.empty();
        }
    }
}
