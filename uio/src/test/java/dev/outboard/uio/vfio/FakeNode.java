package dev.outboard.uio.vfio;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.NativeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;

/** A node of a kernel that is the test's: it notes what it is asked, and answers as it is told. */
final class FakeNode implements DeviceNode {
    static final int EINVAL = 22;
    static final int ENOTTY = 25;

    /** What was asked: the request, and the structure or the number behind it, as hex. */
    record Call(int request, String bytes) {}

    /** Answers a structure. */
    interface Structure {
        int answer(MemorySegment argument);
    }

    final List<Call> calls = new ArrayList<>();
    final Map<Integer, Structure> structures = new HashMap<>();
    final Map<Integer, Integer> numbers = new HashMap<>();

    /** Which extensions a container has. */
    IntUnaryOperator extensions = extension -> 1;

    /** What can be read and written, by where it begins. */
    final TreeMap<Long, MemorySegment> contents = new TreeMap<>();

    /** What can be mapped, by where it begins. */
    final Map<Long, MemoryFile> mappable = new HashMap<>();

    final List<Long> mapped = new ArrayList<>();
    boolean closed;
    private final String name;
    private final MemoryFile self = MemoryFile.create("fake", 4096);
    private final Arena arena = Arena.ofAuto();

    FakeNode(String name) {
        this.name = name;
    }

    MemorySegment content(long position, long lengthBytes) {
        return contents.computeIfAbsent(position, at -> arena.allocate(lengthBytes, 8));
    }

    /** The calls of one request. */
    List<String> asked(int request) {
        return calls.stream().filter(call -> call.request() == request).map(Call::bytes).toList();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Descriptor descriptor() {
        return self.descriptor();
    }

    @Override
    public int control(int request, long argument) {
        calls.add(new Call(request, Long.toHexString(argument)));
        return request == VfioDescriptor.CHECK_EXTENSION
                ? extensions.applyAsInt((int) argument)
                : numbers.getOrDefault(request, -ENOTTY);
    }

    @Override
    public int control(int request, MemorySegment argument) {
        calls.add(
                new Call(
                        request,
                        HexFormat.of().formatHex(argument.toArray(ValueLayout.JAVA_BYTE))));
        Structure structure = structures.get(request);
        return structure == null ? -ENOTTY : structure.answer(argument);
    }

    private MemorySegment at(long position, long lengthBytes) {
        var found = contents.floorEntry(position);
        long within = found == null ? 0 : position - found.getKey();
        return found == null || within > found.getValue().byteSize() - lengthBytes
                ? null
                : found.getValue().asSlice(within, lengthBytes);
    }

    @Override
    public long read(MemorySegment into, long position) {
        MemorySegment there = at(position, into.byteSize());
        if (there == null) {
            return -EINVAL;
        }
        into.copyFrom(there);
        return into.byteSize();
    }

    @Override
    public long write(MemorySegment from, long position) {
        MemorySegment there = at(position, from.byteSize());
        if (there == null) {
            return -EINVAL;
        }
        there.copyFrom(from);
        return from.byteSize();
    }

    @Override
    public Mapping map(long offsetBytes, long lengthBytes, boolean writable) {
        MemoryFile file = mappable.get(offsetBytes);
        if (file == null) {
            throw new NativeException("mmap", EINVAL, "EINVAL", "offset=" + offsetBytes);
        }
        mapped.add(offsetBytes);
        return file.map(0, lengthBytes, writable);
    }

    @Override
    public void close() {
        closed = true;
        mappable.values().forEach(MemoryFile::close);
        self.close();
    }
}
