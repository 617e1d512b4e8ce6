package dev.outboard.nvme;

/**
 * What a controller says of itself, as far as this driver asks.
 *
 * @param maximumTransferBytes the longest transfer of a command; {@link Integer#MAX_VALUE} if it
 *     has no limit
 * @param eventLimit how many events can be awaited at once, at least one
 * @param takesDoorbellBuffers whether doorbells may be in memory
 */
record ControllerIdentity(
        String model,
        String serial,
        int maximumTransferBytes,
        int eventLimit,
        boolean hasWriteCache,
        boolean canWriteZeroes,
        boolean canDiscard,
        boolean takesSgl,
        boolean tellsOfNamespaces,
        boolean takesDoorbellBuffers) {
    private static final int MOST_TRANSFER_SHIFT = 18;

    static ControllerIdentity of(IdentifyPage page) {
        int shift = page.u8(IdentifyDescriptor.TRANSFER_SHIFT);
        int known = page.u16(IdentifyDescriptor.IO_COMMANDS);
        int sgl = page.u32(IdentifyDescriptor.SGL) & 3;
        int events = page.u32(IdentifyDescriptor.EVENTS);
        int admin = page.u16(IdentifyDescriptor.ADMIN_COMMANDS);
        return new ControllerIdentity(
                page.text(IdentifyDescriptor.MODEL, IdentifyDescriptor.MODEL_LENGTH),
                page.text(IdentifyDescriptor.SERIAL, IdentifyDescriptor.SERIAL_LENGTH),
                shift == 0 || shift > MOST_TRANSFER_SHIFT
                        ? Integer.MAX_VALUE
                        : NvmeDescriptor.PAGE_BYTES << shift,
                page.u8(IdentifyDescriptor.EVENT_LIMIT) + 1,
                (page.u8(IdentifyDescriptor.WRITE_CACHE) & 1) != 0,
                (known & IdentifyDescriptor.IO_COMMANDS_WRITE_ZEROES) != 0,
                (known & IdentifyDescriptor.IO_COMMANDS_DATASET_MANAGEMENT) != 0,
                sgl == 1 || sgl == 2,
                (events & NvmeDescriptor.EVENTS_NAMESPACES) != 0,
                (admin & IdentifyDescriptor.ADMIN_COMMANDS_DOORBELL_BUFFERS) != 0);
    }
}
