package dev.outboard.models.nvme;

import dev.outboard.backend.loop.Counters;
import dev.outboard.dma.BusMaster;
import dev.outboard.iommu.Access;
import dev.outboard.models.shape.NvmeShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Commands of the admin queue (NVM Express 1.4, section 5). Within a DMA section. */
final class AdminCommands {
    private static final int IDENTIFY_NAMESPACE = 0;
    private static final int IDENTIFY_CONTROLLER = 1;
    private static final int IDENTIFY_NAMESPACES = 2;
    private static final int IDENTIFY_NAMES = 3;
    private static final int LOG_ERRORS = 1;
    private static final int LOG_HEALTH = 2;
    private static final int LOG_FIRMWARE = 3;
    private static final int LOG_NAMESPACES = 4;
    private static final int KELVIN = 310;
    private static final long UNIT_BYTES = 512_000;
    private static final int PAGE_BYTES = NvmeDescriptor.PAGE_BYTES;

    private final NvmeController controller;
    private final NvmeShape shape;
    private final String name;
    private final List<Namespace> namespaces;
    private final Counters counters;
    private final Features features;
    private final AsyncEvents events;
    private final DataPointer data = new DataPointer();
    private final MemorySegment page = Arena.ofAuto().allocate(PAGE_BYTES, Long.BYTES);

    /** The first word of the completion. */
    private int result;

    AdminCommands(
            NvmeController controller,
            NvmeShape shape,
            String name,
            List<Namespace> namespaces,
            Counters counters,
            AsyncEvents events) {
        this.controller = controller;
        this.shape = shape;
        this.name = name;
        this.namespaces = namespaces;
        this.counters = counters;
        this.events = events;
        features = new Features(shape.queues(), hasCache());
    }

    private boolean hasCache() {
        return namespaces.stream().anyMatch(namespace -> !namespace.medium().isReadOnly());
    }

    int result() {
        return result;
    }

    void reset() {
        features.reset();
    }

    /** Executes a command: a status, or {@link NvmeStatus#LATER}. */
    int execute(BusMaster bus, Command command) {
        result = 0;
        counters.add(NvmeCounters.ADMIN, 1);
        if (command.hasUnknownFlags()) {
            return NvmeStatus.INVALID_FIELD;
        }
        int word10 = command.word10();
        int word11 = command.word11();
        return switch (command.opcode()) {
            case NvmeDescriptor.ADMIN_DELETE_SUBMISSIONS ->
                    controller.queues().deleteSubmissions(word10 & 0xffff);
            case NvmeDescriptor.ADMIN_CREATE_SUBMISSIONS ->
                    controller.queues().createSubmissions(command.firstPointer, word10, word11);
            case NvmeDescriptor.ADMIN_DELETE_COMPLETIONS ->
                    controller.queues().deleteCompletions(word10 & 0xffff);
            case NvmeDescriptor.ADMIN_CREATE_COMPLETIONS ->
                    controller.queues().createCompletions(command.firstPointer, word10, word11);
            case NvmeDescriptor.ADMIN_GET_LOG_PAGE -> log(bus, command);
            case NvmeDescriptor.ADMIN_IDENTIFY -> identify(bus, command);
            case NvmeDescriptor.ADMIN_ABORT -> abort(word10);
            case NvmeDescriptor.ADMIN_SET_FEATURES -> setFeature(word10, word11);
            case NvmeDescriptor.ADMIN_GET_FEATURES -> getFeature(word10, word11);
            case NvmeDescriptor.ADMIN_ASYNC_EVENT ->
                    events.request(command.id())
                            ? NvmeStatus.LATER
                            : NvmeStatus.TOO_MANY_EVENT_REQUESTS;
            case NvmeDescriptor.ADMIN_DOORBELL_BUFFER ->
                    controller.shadow(command.firstPointer, command.secondPointer);
            default -> NvmeStatus.INVALID_OPCODE;
        };
    }

    private int give(BusMaster bus, Command command, long length) {
        int status = data.find(bus, command, length, Access.WRITE);
        if (status == NvmeStatus.OK) {
            data.fill(page, length);
        }
        return status;
    }

    private int identify(BusMaster bus, Command command) {
        page.fill((byte) 0);
        int number = command.namespace();
        int status =
                switch (command.word10() & 0xff) {
                    case IDENTIFY_NAMESPACE -> identifyNamespace(number);
                    case IDENTIFY_CONTROLLER -> {
                        Identity.ofController(page, shape, name, namespaces.size(), hasCache());
                        yield NvmeStatus.OK;
                    }
                    case IDENTIFY_NAMESPACES -> {
                        boolean isNumber = Integer.compareUnsigned(number, -2) < 0;
                        if (isNumber && number >= 0) {
                            Identity.ofNamespaces(page, number, namespaces.size());
                        }
                        yield isNumber ? NvmeStatus.OK : NvmeStatus.INVALID_NAMESPACE;
                    }
                    case IDENTIFY_NAMES -> {
                        Identity.ofNames(page, number);
                        yield isThere(number) ? NvmeStatus.OK : NvmeStatus.INVALID_NAMESPACE;
                    }
                    default -> NvmeStatus.INVALID_FIELD;
                };
        return status == NvmeStatus.OK ? give(bus, command, PAGE_BYTES) : status;
    }

    private boolean isThere(int number) {
        return number > 0 && number <= namespaces.size();
    }

    private int identifyNamespace(int number) {
        if (isThere(number)) {
            Identity.ofNamespace(page, namespaces.get(number - 1));
            return NvmeStatus.OK;
        }
        // Of no namespace in particular is asked what all have in common: nothing.
        return number == NvmeDescriptor.EVERY_NAMESPACE
                ? NvmeStatus.OK
                : NvmeStatus.INVALID_NAMESPACE;
    }

    private int log(BusMaster bus, Command command) {
        int number = command.word10() & 0xff;
        long words =
                (command.word10() >>> Short.SIZE) + ((command.word11() & 0xffffL) << Short.SIZE);
        long length = (words + 1) * Integer.BYTES;
        if (length > PAGE_BYTES || command.words12 != 0) {
            return NvmeStatus.INVALID_FIELD;
        }
        page.fill((byte) 0);
        switch (number) {
            case LOG_ERRORS, LOG_NAMESPACES -> {
                // Nothing is kept of them.
            }
            case LOG_HEALTH -> health();
            case LOG_FIRMWARE -> page.set(NvmeDescriptor.U64, 8, '1');
            default -> {
                return NvmeStatus.INVALID_LOG_PAGE;
            }
        }
        int status = give(bus, command, length);
        if (status == NvmeStatus.OK) {
            events.readLog(number);
        }
        return status;
    }

    private void health() {
        page.set(NvmeDescriptor.U64, 0, (long) KELVIN << Byte.SIZE | 100L << 24 | 10L << 32);
        page.set(NvmeDescriptor.U64, 32, units(NvmeCounters.READ_BYTES));
        page.set(NvmeDescriptor.U64, 48, units(NvmeCounters.WRITTEN_BYTES));
        page.set(NvmeDescriptor.U64, 64, counters.get(NvmeCounters.READS));
        page.set(NvmeDescriptor.U64, 80, counters.get(NvmeCounters.WRITES));
    }

    private long units(int counter) {
        return (counters.get(counter) + UNIT_BYTES - 1) / UNIT_BYTES;
    }

    private int abort(int word10) {
        boolean isAborted = controller.abort(word10 & 0xffff, word10 >>> Short.SIZE);
        result = isAborted ? 0 : 1;
        return NvmeStatus.OK;
    }

    private int setFeature(int word10, int value) {
        int status = features.set(word10, value);
        result = features.result();
        controller.writeThrough(!features.isWriteCacheOn());
        return status;
    }

    private int getFeature(int word10, int word11) {
        int status = features.get(word10, word11);
        result = features.result();
        return status;
    }
}
