package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import java.util.ArrayList;
import java.util.List;

/**
 * What a back-end was told of the driver's memory, and how it is told of a change: region by region
 * where it has memory slots, else by a whole table in place of the old one.
 *
 * <p>Owned by a {@link VhostFrontEnd}, under whose lock it is used. The regions' descriptors stay
 * the caller's: they are needed for as long as a region is told. A request that fails leaves what
 * is known here as it was; whether the back-end did it, it says itself when it confirms requests.
 */
final class ToldMemory {
    private final VhostFrontEnd frontEnd;
    private final FrontEndChannel channel;
    private List<MemoryRegion> told = List.of();

    ToldMemory(VhostFrontEnd frontEnd, FrontEndChannel channel) {
        this.frontEnd = frontEnd;
        this.channel = channel;
    }

    /** These instead of what was told before. */
    void set(List<MemoryRegion> regions) {
        requireRoom(regions.size());
        regions.forEach(MemoryRegion::requirePlausible);
        // One message has room for eight: the others go one at a time.
        int first = Math.min(regions.size(), PayloadDescriptor.BASELINE_REGIONS);
        sendTable(regions.subList(0, first));
        told = List.copyOf(regions.subList(0, first));
        regions.subList(first, regions.size()).forEach(this::sendOneMore);
        frontEnd.awaitDone();
    }

    /** One more. */
    void add(MemoryRegion region) {
        region.requirePlausible();
        requireRoom(told.size() + 1);
        if (hasSlots()) {
            sendOneMore(region);
        } else {
            List<MemoryRegion> more = with(region);
            sendTable(more);
            told = more;
        }
        frontEnd.awaitDone();
    }

    /** One less. */
    void remove(MemoryRegion region) {
        List<MemoryRegion> fewer =
                told.stream().filter(other -> !region.isSamePlace(other)).toList();
        if (fewer.size() == told.size()) {
            throw new IllegalArgumentException("the back-end was never told of " + region);
        }
        if (hasSlots()) {
            channel.request(Requests.REM_MEM_REG, PayloadDescriptor.SINGLE_BYTES)
                    .putRegion(PayloadDescriptor.SINGLE_REGION_OFFSET, region);
            frontEnd.send();
        } else {
            sendTable(fewer);
        }
        told = fewer;
        frontEnd.awaitDone();
    }

    private boolean hasSlots() {
        return frontEnd.has(VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS);
    }

    private void requireRoom(int count) {
        int slots = frontEnd.memorySlots();
        if (count > slots) {
            throw new IllegalArgumentException(
                    ("the back-end takes %d regions of memory, and %d are too many:"
                                    + " use fewer, larger segments, or unplug one first")
                            .formatted(slots, count));
        }
    }

    private List<MemoryRegion> with(MemoryRegion region) {
        List<MemoryRegion> more = new ArrayList<>(told);
        more.add(region);
        return List.copyOf(more);
    }

    private void sendOneMore(MemoryRegion region) {
        channel.request(Requests.ADD_MEM_REG, PayloadDescriptor.SINGLE_BYTES)
                .putRegion(PayloadDescriptor.SINGLE_REGION_OFFSET, region);
        frontEnd.send(region.descriptor());
        told = with(region);
    }

    private void sendTable(List<MemoryRegion> regions) {
        int size =
                PayloadDescriptor.TABLE_REGIONS_OFFSET
                        + regions.size() * PayloadDescriptor.REGION_BYTES;
        Message message = channel.request(Requests.SET_MEM_TABLE, size);
        message.putInt(PayloadDescriptor.TABLE_COUNT_OFFSET, regions.size());
        Descriptor[] files = new Descriptor[regions.size()];
        for (int i = 0; i < files.length; i++) {
            int at = PayloadDescriptor.TABLE_REGIONS_OFFSET + i * PayloadDescriptor.REGION_BYTES;
            message.putRegion(at, regions.get(i));
            files[i] = regions.get(i).descriptor();
        }
        frontEnd.send(files);
    }
}
