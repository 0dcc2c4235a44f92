"""Networks: arrays in, arrays out. Nothing here reads a file, holds a seed or an optimizer, or looks at the machine.

The decoder, from its whole to its parts:

    decoder             the prefix LM over text and image ids: embedding, layers, head; `hidden`, `extend` for a cache
    blocks              one layer of it: norm, attention, norm, MLP
    attention           the prefix mask, rotary positions, self-attention; `attention_kind` chooses what computes it
    attention_kernels   splash attention on TPUs, cuDNN's on GPUs; the mask as the ends of spans, as they take it
    dense               dense layers, in the layout of training or in the one that decoding on CPUs reads fastest
    flops               model FLOPs of a training step, and the number of parameters

The image tokenizer:

    image_tokenizer     a VQGAN with its weights, ready to use: uint8 images to codes and back, jitted; its fingerprint
    vqgan               the network: encoder, codebook, decoder
    vqgan_blocks        its parts: group norm, convolutions, residual and attention blocks, levels
    upsampling          doubling a feature map and convolving it, in 4/9 of the multiplications
    scales              codes in several grids, coarse to fine: each holds what those before it leave
    quantizer           the nearest code, its straight-through gradient, and how a codebook is kept in use
    discriminator       the patch discriminator that training may set against the decoder of the VQGAN
    label_network       networks that read labels off faces or codes, which training may set beside the VQGAN; losses

Networks that compare images, with weights that a user holds:

    lpips               the perceptual distance of two images (features of VGG16, AlexNet, SqueezeNet)
    inception           FID's Inception-v3: images -> features
    clip                CLIP: images and texts -> vectors of one space
    resampling          images resized as other programs resize them before a feature network

All of them:

    params              fresh parameters, their shapes before there are arrays, and layers stacked or single

Read first: `decoder.Decoder`, and `attention.visible` for the mask. Other rooms call `decoder.apply_decoder`,
`params.init_decoder` and `image_tokenizer.ImageTokenizer`.
"""
