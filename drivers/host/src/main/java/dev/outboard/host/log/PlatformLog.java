package dev.outboard.host.log;

/** Sends what is told to the platform's loggers to SLF4J. For the service loader; any thread. */
public final class PlatformLog extends System.LoggerFinder {
    /** For the service loader. */
    public PlatformLog() {}

    /** Debugging shows everything, else warnings and errors are shown. */
    public static boolean isDebugging() {
        return "1".equals(System.getenv("OUTBOARD_DEBUG"));
    }

    /** Says to the log's back-end what is to be shown. Before the first line is logged. */
    public static void setUp() {
        var simple = "org.slf4j.simpleLogger.";
        System.setProperty(simple + "defaultLogLevel", isDebugging() ? "debug" : "warn");
        // Netty tells at length how it came to be what it is: that debugs Netty, and not us.
        System.setProperty(simple + "log.io.netty", "warn");
        System.setProperty(simple + "showThreadName", "false");
        System.setProperty(simple + "showLogName", "false");
        System.setProperty(simple + "levelInBrackets", "true");
    }

    @Override
    public System.Logger getLogger(String name, Module module) {
        return new PlatformLogger(name, isDebugging());
    }
}
