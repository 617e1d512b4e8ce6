package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.UnixSocket;
import java.util.ArrayList;
import java.util.List;

/**
 * What each request means: checks a complete message, calls the device, fills the answer. Knows
 * nothing of sockets. Owned by a session; its thread.
 */
final class RequestHandler {
    private static final int MAX_QUEUE_ENTRIES = 32768;
    private static final long OWN_PROTOCOL_FEATURES =
            VhostFeatures.PROTOCOL_MQ | VhostFeatures.PROTOCOL_REPLY_ACK;

    private final VhostBackEnd backEnd;
    private long features;
    private long protocolFeatures;

    RequestHandler(VhostBackEnd backEnd) {
        this.backEnd = backEnd;
    }

    /** Whether the front-end may ask for answers. */
    boolean isAnswerPromised() {
        return (protocolFeatures & VhostFeatures.PROTOCOL_REPLY_ACK) != 0;
    }

    /**
     * Does what is asked.
     *
     * @param descriptors what came with it; those that are used are taken out
     * @param answer is filled if the request has an answer of its own
     * @return whether it has
     */
    boolean handle(Message message, List<Descriptor> descriptors, Message answer) {
        return switch (message.request()) {
            case Requests.GET_FEATURES,
                    Requests.GET_PROTOCOL_FEATURES,
                    Requests.GET_QUEUE_NUM,
                    Requests.GET_MAX_MEM_SLOTS,
                    Requests.GET_CONFIG,
                    Requests.GET_VRING_BASE -> {
                Checks.requireDescriptors(message, descriptors, 0);
                get(message, answer);
                yield true;
            }
            case Requests.SET_MEM_TABLE, Requests.ADD_MEM_REG, Requests.REM_MEM_REG -> {
                setMemory(message, descriptors);
                yield false;
            }
            case Requests.SET_VRING_KICK, Requests.SET_VRING_CALL, Requests.SET_VRING_ERR -> {
                setEvent(message, descriptors);
                yield false;
            }
            case Requests.SET_BACKEND_REQ_FD -> {
                setBackEndChannel(message, descriptors);
                yield false;
            }
            default -> {
                Checks.requireDescriptors(message, descriptors, 0);
                set(message);
                yield false;
            }
        };
    }

    /** The answer of REPLY_ACK: zero, or one if the request was refused. */
    void acknowledge(Message message, Message answer, boolean done) {
        number(message, answer, done ? 0 : 1);
    }

    private static void number(Message message, Message answer, long value) {
        answer.begin(message.request(), HeaderDescriptor.FLAG_REPLY, PayloadDescriptor.NUMBER_BYTES)
                .putLong(0, value);
    }

    private void get(Message message, Message answer) {
        switch (message.request()) {
            case Requests.GET_FEATURES -> {
                Checks.requireSize(message, 0);
                number(message, answer, offeredFeatures());
            }
            case Requests.GET_PROTOCOL_FEATURES -> {
                Checks.requireSize(message, 0);
                number(message, answer, offeredProtocolFeatures());
            }
            case Requests.GET_QUEUE_NUM -> {
                Checks.requireSize(message, 0);
                number(message, answer, backEnd.offeredQueueCount());
            }
            case Requests.GET_MAX_MEM_SLOTS -> {
                Checks.requireSize(message, 0);
                requireNegotiated(message, VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS);
                number(message, answer, backEnd.memorySlots());
            }
            case Requests.GET_CONFIG -> getConfig(message, answer);
            default -> {
                Checks.requireSize(message, PayloadDescriptor.STATE_BYTES);
                int queue = queue(message, message.getInt(PayloadDescriptor.STATE_INDEX_OFFSET));
                int index = backEnd.stopVring(queue);
                answer.begin(
                                message.request(),
                                HeaderDescriptor.FLAG_REPLY,
                                PayloadDescriptor.STATE_BYTES)
                        .putInt(PayloadDescriptor.STATE_INDEX_OFFSET, queue)
                        .putInt(PayloadDescriptor.STATE_NUM_OFFSET, index);
            }
        }
    }

    private long offeredFeatures() {
        return backEnd.features() | VhostFeatures.PROTOCOL_FEATURES;
    }

    private long offeredProtocolFeatures() {
        return backEnd.protocolFeatures() | OWN_PROTOCOL_FEATURES;
    }

    /** An answer without payload tells the front-end that it cannot have these bytes. */
    private void getConfig(Message message, Message answer) {
        requireNegotiated(message, VhostFeatures.PROTOCOL_CONFIG);
        int length = configLength(message);
        int offset = message.getInt(PayloadDescriptor.CONFIG_OFFSET_OFFSET);
        byte[] bytes;
        try {
            bytes = backEnd.config(offset, length);
        } catch (VhostProtocolException refused) {
            answer.begin(message.request(), HeaderDescriptor.FLAG_REPLY, 0);
            return;
        }
        if (bytes.length != length) {
            throw new IllegalStateException(
                    "the device gave %d bytes of its configuration space, not %d"
                            .formatted(bytes.length, length));
        }
        answer.begin(message.request(), HeaderDescriptor.FLAG_REPLY, message.size())
                .putInt(PayloadDescriptor.CONFIG_OFFSET_OFFSET, offset)
                .putInt(PayloadDescriptor.CONFIG_LENGTH_OFFSET, length)
                .putBytes(PayloadDescriptor.CONFIG_BYTES_OFFSET, bytes);
    }

    /**
     * The length of a part of the configuration space, checked against the message and the space.
     */
    private static int configLength(Message message) {
        if (message.size() < PayloadDescriptor.CONFIG_BYTES_OFFSET) {
            throw Checks.wrongSize(message, PayloadDescriptor.CONFIG_BYTES_OFFSET);
        }
        int offset = message.getInt(PayloadDescriptor.CONFIG_OFFSET_OFFSET);
        int length = message.getInt(PayloadDescriptor.CONFIG_LENGTH_OFFSET);
        if (offset < 0
                || length < 0
                || length > PayloadDescriptor.MAX_CONFIG_BYTES
                || offset > PayloadDescriptor.MAX_CONFIG_BYTES - length) {
            throw new VhostProtocolException(
                    "%s: offset=0x%x length=0x%x is not within 0x%x bytes"
                            .formatted(
                                    Requests.name(message.request()),
                                    offset,
                                    length,
                                    PayloadDescriptor.MAX_CONFIG_BYTES));
        }
        Checks.requireSize(message, PayloadDescriptor.CONFIG_BYTES_OFFSET + length);
        return length;
    }

    private void set(Message message) {
        switch (message.request()) {
            case Requests.SET_FEATURES -> {
                Checks.requireSize(message, PayloadDescriptor.NUMBER_BYTES);
                features = subset(message, offeredFeatures());
                backEnd.featuresAccepted(features);
            }
            case Requests.SET_PROTOCOL_FEATURES -> {
                Checks.requireSize(message, PayloadDescriptor.NUMBER_BYTES);
                protocolFeatures = subset(message, offeredProtocolFeatures());
                backEnd.protocolFeaturesAccepted(protocolFeatures);
            }
            case Requests.SET_OWNER -> {
                Checks.requireSize(message, 0);
                backEnd.ownerSet();
            }
            case Requests.RESET_OWNER -> Checks.requireSize(message, 0);
            case Requests.SET_CONFIG -> {
                requireNegotiated(message, VhostFeatures.PROTOCOL_CONFIG);
                int length = configLength(message);
                backEnd.configWritten(
                        message.getInt(PayloadDescriptor.CONFIG_OFFSET_OFFSET),
                        message.getBytes(PayloadDescriptor.CONFIG_BYTES_OFFSET, length));
            }
            case Requests.SET_VRING_ADDR -> setAddresses(message);
            case Requests.IOTLB_MSG -> setTranslation(message);
            case Requests.SET_VRING_NUM, Requests.SET_VRING_BASE, Requests.SET_VRING_ENABLE ->
                    setState(message);
            default ->
                    throw new VhostProtocolException(
                            Requests.name(message.request()) + " is not understood here");
        }
    }

    private static long subset(Message message, long offered) {
        long chosen = message.getLong(0);
        if ((chosen & ~offered) != 0) {
            throw new VhostProtocolException(
                    "%s: 0x%x has bits that were not offered: 0x%x"
                            .formatted(
                                    Requests.name(message.request()), chosen, chosen & ~offered));
        }
        return chosen;
    }

    private void setState(Message message) {
        Checks.requireSize(message, PayloadDescriptor.STATE_BYTES);
        int queue = queue(message, message.getInt(PayloadDescriptor.STATE_INDEX_OFFSET));
        int value = message.getInt(PayloadDescriptor.STATE_NUM_OFFSET);
        switch (message.request()) {
            case Requests.SET_VRING_NUM -> {
                if (value < 1 || value > MAX_QUEUE_ENTRIES) {
                    throw new VhostProtocolException(
                            "a queue of %d entries: 1 to 32768 are possible".formatted(value));
                }
                backEnd.vringSize(queue, value);
            }
            case Requests.SET_VRING_BASE -> backEnd.vringBase(queue, value);
            default -> {
                if (value < 0 || value > 1) {
                    throw new VhostProtocolException("SET_VRING_ENABLE: value=" + value);
                }
                backEnd.vringEnabled(queue, value == 1);
            }
        }
    }

    private void setAddresses(Message message) {
        Checks.requireSize(message, PayloadDescriptor.ADDRESS_BYTES);
        int queue = queue(message, message.getInt(PayloadDescriptor.ADDRESS_INDEX_OFFSET));
        int flags = message.getInt(PayloadDescriptor.ADDRESS_FLAGS_OFFSET);
        if (flags != 0) {
            throw new VhostProtocolException(
                    "SET_VRING_ADDR: flags=0x%x: logging was not offered".formatted(flags));
        }
        backEnd.vringAddresses(
                queue,
                message.getLong(PayloadDescriptor.ADDRESS_DESCRIPTORS_OFFSET),
                message.getLong(PayloadDescriptor.ADDRESS_USED_OFFSET),
                message.getLong(PayloadDescriptor.ADDRESS_AVAILABLE_OFFSET));
    }

    private void setEvent(Message message, List<Descriptor> descriptors) {
        Checks.requireSize(message, PayloadDescriptor.NUMBER_BYTES);
        long value = message.getLong(0);
        if ((value & ~(PayloadDescriptor.FILE_INDEX_MASK | PayloadDescriptor.FILE_NONE)) != 0) {
            throw new VhostProtocolException(
                    "%s: value=0x%x".formatted(Requests.name(message.request()), value));
        }
        boolean none = (value & PayloadDescriptor.FILE_NONE) != 0;
        Checks.requireDescriptors(message, descriptors, none ? 0 : 1);
        int queue = queue(message, (int) value & PayloadDescriptor.FILE_INDEX_MASK);
        EventDescriptor event = none ? null : event(message, descriptors.removeFirst());
        switch (message.request()) {
            case Requests.SET_VRING_KICK -> {
                backEnd.vringKick(queue, event);
                if ((features & VhostFeatures.PROTOCOL_FEATURES) == 0) {
                    backEnd.vringEnabled(queue, true);
                }
            }
            case Requests.SET_VRING_CALL -> backEnd.vringCall(queue, event);
            default -> backEnd.vringError(queue, event);
        }
    }

    private void setBackEndChannel(Message message, List<Descriptor> descriptors) {
        requireNegotiated(message, VhostFeatures.PROTOCOL_BACKEND_REQ);
        Checks.requireSize(message, 0);
        Checks.requireDescriptors(message, descriptors, 1);
        UnixSocket socket;
        try {
            socket = UnixSocket.adopt(descriptors.removeFirst());
        } catch (IllegalArgumentException other) {
            throw new VhostProtocolException("SET_BACKEND_REQ_FD: " + other.getMessage(), other);
        }
        backEnd.backEndRequests(new BackEndRequests(socket));
    }

    private void setTranslation(Message message) {
        Checks.requireSize(message, PayloadDescriptor.IOTLB_BYTES);
        IotlbMessage told = IotlbMessage.of(message);
        told.requirePlausibleOrDrop();
        if (told.type() != IotlbMessage.UPDATE && told.type() != IotlbMessage.INVALIDATE) {
            throw new VhostProtocolException("IOTLB_MSG from a front-end: " + told);
        }
        if ((features & VhostFeatures.ACCESS_PLATFORM) == 0) {
            throw new VhostProtocolException(
                    "IOTLB_MSG without VIRTIO_F_ACCESS_PLATFORM: features=0x%x"
                            .formatted(features));
        }
        backEnd.iotlb(told);
    }

    private static EventDescriptor event(Message message, Descriptor received) {
        try {
            return EventDescriptor.adopt(received);
        } catch (IllegalArgumentException other) {
            throw new VhostProtocolException(
                    Requests.name(message.request()) + ": " + other.getMessage(), other);
        }
    }

    private void setMemory(Message message, List<Descriptor> descriptors) {
        if (message.request() == Requests.SET_MEM_TABLE) {
            setTable(message, descriptors);
            return;
        }
        requireNegotiated(message, VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS);
        Checks.requireSize(message, PayloadDescriptor.SINGLE_BYTES);
        int at = PayloadDescriptor.SINGLE_REGION_OFFSET;
        if (message.request() == Requests.REM_MEM_REG) {
            // Some front-ends send a descriptor here, which the specification has us close.
            Checks.requireAtMost(message, descriptors, 1);
            MemoryRegion region = message.getRegion(at, null);
            region.requirePlausible();
            backEnd.memoryRegionRemoved(region);
            return;
        }
        Checks.requireDescriptors(message, descriptors, 1);
        message.getRegion(at, null).requirePlausible();
        backEnd.memoryRegionAdded(message.getRegion(at, descriptors.removeFirst()));
    }

    private void setTable(Message message, List<Descriptor> descriptors) {
        if (message.size() < PayloadDescriptor.TABLE_REGIONS_OFFSET) {
            throw Checks.wrongSize(message, PayloadDescriptor.TABLE_REGIONS_OFFSET);
        }
        int count = message.getInt(PayloadDescriptor.TABLE_COUNT_OFFSET);
        boolean slots = (protocolFeatures & VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS) != 0;
        int most =
                slots
                        ? Math.min(backEnd.memorySlots(), PayloadDescriptor.MAX_REGIONS)
                        : PayloadDescriptor.BASELINE_REGIONS;
        if (count < 0 || count > most) {
            throw new VhostProtocolException(
                    "SET_MEM_TABLE: %d regions: at most %d are taken".formatted(count, most));
        }
        requireTableSize(message, count);
        Checks.requireDescriptors(message, descriptors, count);
        for (int i = 0; i < count; i++) {
            message.getRegion(regionOffset(i), null).requirePlausible();
        }
        List<MemoryRegion> regions = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            regions.add(message.getRegion(regionOffset(i), descriptors.get(i)));
        }
        descriptors.clear();
        backEnd.memoryTable(regions);
    }

    /** A table may come at its full length of eight, however many regions are used. */
    private static void requireTableSize(Message message, int count) {
        int full = regionOffset(PayloadDescriptor.BASELINE_REGIONS);
        if (message.size() != regionOffset(count)
                && (message.size() != full || count > PayloadDescriptor.BASELINE_REGIONS)) {
            throw Checks.wrongSize(message, regionOffset(count));
        }
    }

    private static int regionOffset(int index) {
        return PayloadDescriptor.TABLE_REGIONS_OFFSET + index * PayloadDescriptor.REGION_BYTES;
    }

    private int queue(Message message, int index) {
        if (index < 0 || index >= backEnd.queueCount()) {
            throw new VhostProtocolException(
                    "%s: queue %d: there are %d"
                            .formatted(
                                    Requests.name(message.request()), index, backEnd.queueCount()));
        }
        return index;
    }

    private void requireNegotiated(Message message, long feature) {
        if ((protocolFeatures & feature) == 0) {
            throw new VhostProtocolException(
                    "%s needs protocol feature 0x%x, which was not negotiated"
                            .formatted(Requests.name(message.request()), feature));
        }
    }
}
