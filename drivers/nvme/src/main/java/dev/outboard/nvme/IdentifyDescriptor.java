package dev.outboard.nvme;

/**
 * Layouts of what a controller says of itself: identify pages and log pages, as byte offsets.
 *
 * <pre>
 *   controller                          namespace
 *   4    serial, 20 characters          0    size in blocks, 8 bytes
 *   24   model, 40                      24   features
 *   77   longest transfer, 2^n pages    25   formats - 1
 *   78   its id                         26   format in use: bits 3:0
 *   92   events it can tell of, 4       29   end-to-end protection: bits 2:0
 *   256  optional admin commands        46   boundary that requests should not cross, blocks
 *   259  events awaited at once - 1     99   attributes: bit 0 write-protected
 *   516  namespaces                     128  formats, 4 bytes each: metadata 16, 2^n bytes 8
 *   520  optional I/O commands
 *   525  volatile write cache           health log page: 0 warnings, 1 kelvin (2 bytes),
 *   536  SGL                            3 spare %, 4 threshold %, 5 used %
 * </pre>
 *
 * <p>Source: NVM Express Base Specification 1.4, figures 245 and 247, section 5.14.1.
 */
final class IdentifyDescriptor {
    static final int PAGE_BYTES = 4096;

    // What to identify.
    static final int NAMESPACE = 0;
    static final int CONTROLLER = 1;
    static final int ACTIVE_NAMESPACES = 2;

    // The controller.
    static final int SERIAL = 4;
    static final int SERIAL_LENGTH = 20;
    static final int MODEL = 24;
    static final int MODEL_LENGTH = 40;
    static final int TRANSFER_SHIFT = 77;
    static final int EVENTS = 92;
    static final int ADMIN_COMMANDS = 256;
    static final int ADMIN_COMMANDS_DOORBELL_BUFFERS = 1 << 8;
    static final int EVENT_LIMIT = 259;
    static final int NAMESPACE_LIMIT = 516;
    static final int IO_COMMANDS = 520;
    static final int IO_COMMANDS_DATASET_MANAGEMENT = 1 << 2;
    static final int IO_COMMANDS_WRITE_ZEROES = 1 << 3;
    static final int WRITE_CACHE = 525;
    static final int SGL = 536;

    // A namespace.
    static final int BLOCKS = 0;
    static final int FORMAT = 26;
    static final int FORMAT_MASK = 0xf;
    static final int PROTECTION = 29;
    static final int PROTECTION_MASK = 7;
    static final int BOUNDARY = 46;
    static final int ATTRIBUTES = 99;
    static final int ATTRIBUTES_PROTECTED = 1;
    static final int FORMATS = 128;
    static final int FORMAT_BYTES = 4;

    // Log pages.
    static final int LOG_HEALTH = 2;
    static final int LOG_NAMESPACES = 4;
    static final int LOG_BYTES = 512;
    static final int HEALTH_WARNINGS = 0;
    static final int HEALTH_KELVIN = 1;
    static final int HEALTH_SPARE = 3;
    static final int HEALTH_USED = 5;

    private IdentifyDescriptor() {}
}
