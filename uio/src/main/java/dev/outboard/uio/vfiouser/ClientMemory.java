package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What a client has let the device reach, by IOVA: mapped here where it gave a file whose size is
 * sealed, else reached by message, since whoever may shorten a file could end us.
 *
 * <p>One thread, the session's. A file is mapped once, all of it, however many windows a client
 * opens into it: to open and close one then costs an entry in a list, and no call. Finding
 * allocates nothing.
 */
public final class ClientMemory implements AutoCloseable {
    /** The most windows at a time. */
    public static final int MOST_WINDOWS = 1 << 16;

    private static final int FIRST_CAPACITY = 64;

    // By IOVA, in order.
    private long[] starts = new long[FIRST_CAPACITY];
    private long[] ends = new long[FIRST_CAPACITY];
    private int[] accesses = new int[FIRST_CAPACITY];
    private long[] offsets = new long[FIRST_CAPACITY];
    private MappedFile[] files = new MappedFile[FIRST_CAPACITY];
    private int count;

    /** The window found last, which is nearly always the next, too. */
    private int last;

    private long changes;
    private MappedFile[] mapped = new MappedFile[0];

    /** A file of the client, as long as any window opens into it. */
    private static final class MappedFile {
        final MemoryFile.Identity identity;
        final boolean isWritable;
        final Mapping mapping;
        final MemorySegment memory;
        int windows;

        MappedFile(MemoryFile.Identity identity, boolean isWritable, Mapping mapping) {
            this.identity = identity;
            this.isWritable = isWritable;
            this.mapping = mapping;
            memory = mapping.memory();
        }
    }

    ClientMemory() {}

    /**
     * Adds a window.
     *
     * @param file null if there is none; stays the caller's
     * @throws VfioUserException if it overlaps, is empty, or its file is too short
     */
    void add(long iova, long length, int access, Descriptor file, long fileOffset) {
        boolean isRange = length > 0 && iova >= 0 && iova <= Long.MAX_VALUE - length;
        int at = isRange ? firstEndingAfter(iova) : 0;
        boolean isFree = isRange && (at == count || starts[at] >= iova + length);
        if (!isFree || count == MOST_WINDOWS) {
            throw new VfioUserException(
                    "memory at iova=0x%x of lengthBytes=0x%x is none, or is there already"
                            .formatted(iova, length),
                    VfioUserSession.EINVAL);
        }
        MappedFile memory = file == null ? null : map(file, fileOffset, length, access);
        if (count == starts.length) {
            grow();
        }
        shift(at, at + 1, count - at);
        starts[at] = iova;
        ends[at] = iova + length;
        accesses[at] = access & (VfioUserDescriptor.MAP_READABLE | VfioUserDescriptor.MAP_WRITABLE);
        offsets[at] = fileOffset;
        files[at] = memory;
        count++;
        changes++;
    }

    private MappedFile map(Descriptor file, long fileOffset, long length, int access) {
        try (MemoryFile memory = MemoryFile.adopt(file.duplicate())) {
            boolean isInside =
                    fileOffset >= 0
                            && fileOffset <= memory.lengthBytes()
                            && length <= memory.lengthBytes() - fileOffset;
            if (!isInside) {
                throw new VfioUserException(
                        "memory of 0x%x bytes at 0x%x of a file of 0x%x bytes"
                                .formatted(length, fileOffset, memory.lengthBytes()),
                        VfioUserSession.EINVAL);
            }
            if (!memory.isSizeSealed()) {
                return null;
            }
            boolean isWritable = (access & VfioUserDescriptor.MAP_WRITABLE) != 0;
            MappedFile here = mapped(memory.identity(), isWritable);
            if (here == null) {
                here =
                        new MappedFile(
                                memory.identity(),
                                isWritable,
                                memory.map(0, memory.lengthBytes(), isWritable));
                mapped = Arrays.copyOf(mapped, mapped.length + 1);
                mapped[mapped.length - 1] = here;
            }
            here.windows++;
            return here;
        }
    }

    private MappedFile mapped(MemoryFile.Identity identity, boolean isWritable) {
        for (MappedFile file : mapped) {
            if (file.identity.equals(identity) && file.isWritable == isWritable) {
                return file;
            }
        }
        return null;
    }

    private void grow() {
        int room = 2 * count;
        starts = Arrays.copyOf(starts, room);
        ends = Arrays.copyOf(ends, room);
        accesses = Arrays.copyOf(accesses, room);
        offsets = Arrays.copyOf(offsets, room);
        files = Arrays.copyOf(files, room);
    }

    private void shift(int from, int to, int length) {
        System.arraycopy(starts, from, starts, to, length);
        System.arraycopy(ends, from, ends, to, length);
        System.arraycopy(accesses, from, accesses, to, length);
        System.arraycopy(offsets, from, offsets, to, length);
        System.arraycopy(files, from, files, to, length);
    }

    /** The first window that ends after an IOVA: it holds it, or is the next. */
    private int firstEndingAfter(long iova) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (ends[middle] <= iova) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /**
     * Takes away whatever windows lie in a range.
     *
     * @return false if there is none, or one is there in part only: then nothing is changed
     */
    boolean remove(long iova, long length) {
        if (length <= 0 || iova < 0 || iova > Long.MAX_VALUE - length) {
            return false;
        }
        int from = firstEndingAfter(iova);
        int to = from;
        while (to < count && starts[to] < iova + length) {
            to++;
        }
        if (from == to || starts[from] < iova || ends[to - 1] > iova + length) {
            return false;
        }
        remove(from, to);
        return true;
    }

    void clear() {
        remove(0, count);
    }

    private void remove(int from, int to) {
        for (int window = from; window < to; window++) {
            release(files[window]);
        }
        shift(to, from, count - to);
        int left = count - (to - from);
        Arrays.fill(files, left, count, null);
        count = left;
        last = 0;
        changes++;
    }

    private void release(MappedFile file) {
        if (file == null || --file.windows > 0) {
            return;
        }
        MappedFile[] others = new MappedFile[mapped.length - 1];
        int kept = 0;
        for (MappedFile other : mapped) {
            if (other != file) {
                others[kept++] = other;
            }
        }
        mapped = others;
        file.mapping.close();
    }

    /** Changes when windows do: what was found before is void. */
    public long changes() {
        return changes;
    }

    /** How many windows there are. */
    public int windows() {
        return count;
    }

    /** The window that holds an IOVA, or -1. */
    public int find(long iova) {
        int near = last;
        if (near < count && iova >= starts[near] && iova < ends[near]) {
            return near;
        }
        int at = firstEndingAfter(iova);
        if (at == count || iova < starts[at]) {
            return -1;
        }
        last = at;
        return at;
    }

    /** The window that holds some bytes, all of them, or -1. */
    int find(long iova, long length) {
        int window = find(iova);
        return window >= 0 && length > 0 && length <= ends[window] - iova ? window : -1;
    }

    /** Where a window ends. */
    public long end(int window) {
        return ends[window];
    }

    /** What it is open for: bit 0 reading, bit 1 writing. */
    public int access(int window) {
        return accesses[window];
    }

    /** Whether it is mapped in this process. */
    public boolean isHere(int window) {
        return files[window] != null;
    }

    /** The file that it opens into, all of it; only if {@link #isHere}. */
    public MemorySegment memory(int window) {
        return files[window].memory;
    }

    /** Where in {@link #memory} an IOVA of the window is. */
    public long offset(int window, long iova) {
        return offsets[window] + (iova - starts[window]);
    }

    /** The bytes of a window that is here. */
    MemorySegment bytes(int window, long iova, long length) {
        return memory(window).asSlice(offset(window, iova), length);
    }

    @Override
    public void close() {
        clear();
    }
}
