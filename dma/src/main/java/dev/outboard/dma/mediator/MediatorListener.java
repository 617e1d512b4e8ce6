package dev.outboard.dma.mediator;

/** Who is told what happens in a mediator, on its thread: to be quick. */
public interface MediatorListener {
    /** Nobody who wants to know. */
    MediatorListener NONE =
            new MediatorListener() {
                @Override
                public void changed(ClientReport client) {}

                @Override
                public void gone(ClientReport client, String why) {}
            };

    /** A client came, or has now other memory, devices or grants. */
    void changed(ClientReport client);

    /**
     * A client has gone, and everything it had is taken back.
     *
     * @param client what it had at its end
     * @param why the reason if we ended it, or null
     */
    void gone(ClientReport client, String why);
}
