package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a client has let the device reach, by IOVA: mapped here where it gave a file whose size is
 * sealed, else reached by message, since whoever may shorten a file could end us. One thread, the
 * session's.
 */
final class ClientMemory implements AutoCloseable {
    private static final int MOST_WINDOWS = 1 << 16;

    private final TreeMap<Long, Window> windows = new TreeMap<>();

    /**
     * A piece of it.
     *
     * @param mapping null if it is reached by message
     */
    record Window(long iova, long lengthBytes, int access, Mapping mapping) {
        boolean allows(int wanted) {
            return (access & wanted) == wanted;
        }

        /** The bytes here, or null. */
        MemorySegment memory(long address, long length) {
            return mapping == null ? null : mapping.memory().asSlice(address - iova, length);
        }
    }

    /**
     * Adds a piece.
     *
     * @param file null if there is none; stays the caller's
     * @throws VfioUserException if it overlaps, is empty, or its file is too short
     */
    void add(long iova, long length, int access, Descriptor file, long fileOffset) {
        boolean isRange = length > 0 && iova >= 0 && iova <= Long.MAX_VALUE - length;
        if (!isRange || overlaps(iova, length) || windows.size() == MOST_WINDOWS) {
            throw new VfioUserException(
                    "memory at iova=0x%x of lengthBytes=0x%x is none, or is there already"
                            .formatted(iova, length),
                    VfioUserSession.EINVAL);
        }
        Mapping mapping = file == null ? null : map(file, fileOffset, length, access);
        windows.put(iova, new Window(iova, length, access, mapping));
    }

    private static Mapping map(Descriptor file, long fileOffset, long length, int access) {
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
            return memory.map(fileOffset, length, isWritable);
        }
    }

    private boolean overlaps(long iova, long length) {
        Map.Entry<Long, Window> below = windows.lowerEntry(iova + length);
        return below != null && below.getKey() + below.getValue().lengthBytes() > iova;
    }

    /** Takes a piece away that was added just so; false if there is none. */
    boolean remove(long iova, long length) {
        Window window = windows.get(iova);
        if (window == null || window.lengthBytes() != length) {
            return false;
        }
        windows.remove(iova);
        close(window);
        return true;
    }

    void clear() {
        windows.values().forEach(ClientMemory::close);
        windows.clear();
    }

    private static void close(Window window) {
        if (window.mapping() != null) {
            window.mapping().close();
        }
    }

    /** The piece that holds some bytes, or null. */
    Window find(long address, long length) {
        Map.Entry<Long, Window> below = windows.floorEntry(address);
        if (below == null || length <= 0) {
            return null;
        }
        Window window = below.getValue();
        long offset = address - window.iova();
        return offset <= window.lengthBytes() - length ? window : null;
    }

    @Override
    public void close() {
        clear();
    }
}
